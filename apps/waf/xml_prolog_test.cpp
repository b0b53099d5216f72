#include "apps/waf/xml_prolog.hpp"

#include <string>

#include <gtest/gtest.h>

#include "apps/waf/unicode_text.hpp"

namespace picket::apps::waf {
namespace {

using std::string_literals::operator""s;

std::string wide(std::string_view text, std::size_t unit, bool big_endian) {
  std::string result;
  for (const char c : text) {
    std::string one(unit, '\0');
    one[big_endian ? unit - 1 : 0] = c;
    result += one;
  }
  return result;
}

TEST(XmlProlog, AnInternalSubsetIsFound) {
  const std::string dtd = "<!DOCTYPE a [<!ENTITY b 'c'>]><a/>";
  const std::string texts[] = {dtd,
                               " \n" + dtd,
                               "\xef\xbb\xbf" + dtd,
                               "<?xml version='1.0' encoding=\"ISO-8859-1\"?>" + dtd,
                               "<?xml version='1.0'?><!-- --><?p i?>\n" + dtd,
                               "<!doctype a[]><a/>",
                               "<!DOCTYPE a SYSTEM \"x>y\" []><a/>",
                               "<!DOCTYPE a PUBLIC '>' \"'>\" [ ]><a/>",
                               "<!-- \u2d2d\u3e00 -->" + dtd};
  for (const std::string& text : texts) {
    EXPECT_EQ(hidden_by_prolog(text), note_inline_dtd) << text;
    if (text.front() == '\xef') continue;
    for (const std::size_t unit : {2U, 4U})
      for (const bool big_endian : {false, true})
        EXPECT_EQ(hidden_by_prolog(wide(text, unit, big_endian)), note_inline_dtd) << text << unit << big_endian;
  }
  EXPECT_EQ(hidden_by_prolog("\xfe\xff" + wide("<!--", 2, true) + "\x2d\x2d\x3e\x00"s + wide("-->" + dtd, 2, true)),
            note_inline_dtd);
}

TEST(XmlProlog, OtherDocumentsPass) {
  for (const char* const text :
       {"<a/>", "<?xml version=\"1.0\" encoding=\"utf-8\"?><a/>", "<!DOCTYPE html><html/>", "plain", "",
        "<!DOCTYPE html PUBLIC \"-//W3C//DTD [x]\" \"http://www.w3.org/x.dtd\"><html/>", "<!-- <!DOCTYPE a [ --><a/>",
        "<a><![CDATA[<!DOCTYPE a [<!ENTITY]]></a>", "<?xml encoding='Shift_JIS'?><a/>"})
    EXPECT_FALSE(hidden_by_prolog(text)) << text;
}

TEST(XmlProlog, EncodingsThatHideMarkupAreRefused) {
  for (const char* const name : {"UTF-7", "utf7", "IBM037", "ISO-2022-JP", "HZ-GB-2312", "unheard-of", ""})
    EXPECT_EQ(hidden_by_prolog("<?xml version='1.0' encoding = '" + std::string(name) + "'?><a/>"), note_xml_encoding)
        << name;
  EXPECT_EQ(hidden_by_prolog("\x4c\x6f\xa7\x94\x93"), note_xml_encoding);
}

TEST(UnicodeText, WideTextsBecomeUtf8) {
  EXPECT_EQ(as_utf8("\xff\xfe" + wide("a<", 2, false)), "a<");
  EXPECT_EQ(as_utf8(wide("{1", 4, true)), "{1");
  EXPECT_EQ(as_utf8("\xfe\xff\xd8\x3d\xde\x00\x20\xac\x00\xe9\x00"s), "\U0001f600\u20ac\u00e9");
  EXPECT_EQ(as_utf8("\xef\xbb\xbfx"), "x");
  EXPECT_EQ(as_utf8("plain \u00e9"), "plain \u00e9");
}

}  // namespace
}  // namespace picket::apps::waf
