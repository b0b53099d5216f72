#include "apps/waf/unicode_map.hpp"

#include <string_view>

#include <modsecurity/rules_set_properties.h>

namespace picket::apps::waf {
namespace {

struct Fold {
  char ascii;
  std::u16string_view from;
};

// Punctuation that carries attacks first, then letters with their marks (Latin-1, Latin Extended-A).
constexpr Fold folds[] = {
    {' ', u"\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"},
    {'\'', u"\u00b4\u02b9\u02bb\u02bc\u02bd\u02c8\u02ca\u2018\u2019\u201a\u201b\u2032\u2035\ua78c"},
    {'"', u"\u02ba\u201c\u201d\u201e\u201f\u2033\u2036\u301d\u301e\u301f"},
    {'<', u"\u00ab\u2039\u2329\u27e8\u3008"},
    {'>', u"\u00bb\u203a\u232a\u27e9\u3009"},
    {'(', u"\u2768\u276a\u207d\u208d"},
    {')', u"\u2769\u276b\u207e\u208e"},
    {'/', u"\u2044\u2215\u2571\u29f8"},
    {'\\', u"\u2216\u2572\u29f5\u29f9"},
    {'-', u"\u00ad\u00af\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u207b\u208b"},
    {'|', u"\u00a6\u01c0\u2223\u2758"},
    {'.', u"\u00b7\u2024\u3002\uff61"},
    {',', u"\u00b8\u201a"},
    {':', u"\u02d0\u2236\ua789"},
    {';', u"\u037e"},
    {'!', u"\u00a1\u01c3"},
    {'*', u"\u2022\u2217\u22c6"},
    {'~', u"\u02dc\u223c\u223d"},
    {'^', u"\u02c4\u02c6\u2038\u2303"},
    {'_', u"\u2017\u02cd"},
    {'`', u"\u02cb\u1fef"},
    {'%', u"\u066a\u2030"},
    {'+', u"\u207a\u208a"},
    {'=', u"\u207c\u208c"},
    {'0', u"\u2070\u2080"},
    {'1', u"\u00b9\u2081"},
    {'2', u"\u00b2\u2082"},
    {'3', u"\u00b3\u2083"},
    {'4', u"\u2074\u2084"},
    {'5', u"\u2075\u2085"},
    {'6', u"\u2076\u2086"},
    {'7', u"\u2077\u2087"},
    {'8', u"\u2078\u2088\u221e"},
    {'9', u"\u2079\u2089"},
    {'A', u"ÀÁÂÃÄÅÆĀĂĄ"},
    {'C', u"ÇĆĈĊČ\u00a9\u2102"},
    {'D', u"ÐĎĐ"},
    {'E', u"ÈÉÊËĒĔĖĘĚ\u2107\u2130"},
    {'F', u"\u2131"},
    {'G', u"ĜĞĠĢ"},
    {'H', u"ĤĦ\u210b\u210c\u210d"},
    {'I', u"ÌÍÎÏĨĪĬĮİ\u2110\u2111"},
    {'J', u"Ĵ"},
    {'K', u"Ķ\u212a"},
    {'L', u"ĹĻĽĿŁ\u2112"},
    {'M', u"\u2133"},
    {'N', u"ÑŃŅŇŊ\u2115"},
    {'O', u"ÒÓÔÕÖØŌŎŐŒ"},
    {'P', u"\u2119"},
    {'Q', u"\u211a"},
    {'R', u"ŔŖŘ\u00ae\u211b\u211c\u211d"},
    {'S', u"ŚŜŞŠ"},
    {'T', u"ŢŤŦ\u2122"},
    {'U', u"ÙÚÛÜŨŪŬŮŰŲ"},
    {'W', u"Ŵ"},
    {'Y', u"ÝŶŸ"},
    {'Z', u"ŹŻŽ\u2124\u2128"},
    {'a', u"àáâãäåæāăą\u00aa"},
    {'c', u"çćĉċč\u00a2"},
    {'d', u"ðďđ"},
    {'e', u"èéêëēĕėęě\u212f"},
    {'f', u"\u0192"},
    {'g', u"ĝğġģ\u210a"},
    {'h', u"ĥħ\u210e"},
    {'i', u"ìíîïĩīĭįı\u2139"},
    {'j', u"ĵ"},
    {'k', u"ķĸ"},
    {'l', u"ĺļľŀł\u2113"},
    {'n', u"ñńņňŉŋ\u207f"},
    {'o', u"òóôõöøōŏőœ\u00ba\u2134"},
    {'r', u"ŕŗř"},
    {'s', u"śŝşšſß"},
    {'t', u"ţťŧ"},
    {'u', u"ùúûüũūŭůűų\u00b5"},
    {'w', u"ŵ"},
    {'y', u"ýÿŷ"},
    {'z', u"źżž"},
};

constexpr int fullwidth_first = 0xff01;  // U+FF01 to U+FF5E are '!' to '~' in full width
constexpr int fullwidth_last = 0xff5e;

}  // namespace

void fill_unicode_map(modsecurity::UnicodeMapHolder& map) {
  for (int code = fullwidth_first; code <= fullwidth_last; ++code) map.change(code, '!' + (code - fullwidth_first));
  for (const Fold& fold : folds)
    for (const char16_t code : fold.from) map.change(code, fold.ascii);
}

}  // namespace picket::apps::waf
