#include <algorithm>
#include <string>

#include "apps/guard/check_digits.hpp"
#include "apps/guard/recognisers/recognisers.hpp"

namespace picket::apps::guard {
namespace {

struct Country {
  std::string_view code;
  std::size_t length;
};

/// The registry of ISO 13616 (SWIFT, release of 2024), by code.
constexpr Country countries[] = {
    {"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16}, {"BG", 22}, {"BH", 22},
    {"BI", 27}, {"BR", 29}, {"BY", 28}, {"CH", 21}, {"CR", 22}, {"CY", 28}, {"CZ", 24}, {"DE", 22}, {"DJ", 27},
    {"DK", 18}, {"DO", 28}, {"EE", 20}, {"EG", 29}, {"ES", 24}, {"FI", 18}, {"FK", 18}, {"FO", 18}, {"FR", 27},
    {"GB", 22}, {"GE", 22}, {"GI", 23}, {"GL", 18}, {"GR", 27}, {"GT", 28}, {"HR", 21}, {"HU", 28}, {"IE", 22},
    {"IL", 23}, {"IQ", 23}, {"IS", 26}, {"IT", 27}, {"JO", 30}, {"KW", 30}, {"KZ", 20}, {"LB", 28}, {"LC", 32},
    {"LI", 21}, {"LT", 20}, {"LU", 20}, {"LV", 21}, {"LY", 25}, {"MC", 27}, {"MD", 24}, {"ME", 22}, {"MK", 19},
    {"MN", 20}, {"MR", 27}, {"MT", 31}, {"MU", 30}, {"NI", 28}, {"NL", 18}, {"NO", 15}, {"OM", 23}, {"PK", 24},
    {"PL", 28}, {"PS", 29}, {"PT", 25}, {"QA", 29}, {"RO", 24}, {"RS", 22}, {"RU", 33}, {"SA", 24}, {"SC", 31},
    {"SD", 18}, {"SE", 24}, {"SI", 19}, {"SK", 24}, {"SM", 27}, {"SO", 23}, {"ST", 25}, {"SV", 28}, {"TL", 23},
    {"TN", 24}, {"TR", 26}, {"UA", 29}, {"VA", 22}, {"VG", 24}, {"XK", 20}, {"YE", 30},
};

std::size_t length_of(std::string_view code) {
  const auto* const found = std::ranges::lower_bound(countries, code, {}, &Country::code);
  return found != std::end(countries) && found->code == code ? found->length : 0;
}

void append_upper(std::string& to, std::string_view text) {
  for (const char c : text) to += c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c;
}

/// How IBANs are grouped. Words that only happen to have an IBAN's length together are not.
bool is_in_fours(std::span<const Word> all_but_last) {
  return std::ranges::all_of(all_but_last, [](const Word& word) { return word.size() == 4; });
}

/// The IBAN that begins with the first of `words`; how many of them it takes, or 0.
std::size_t iban_at(std::string_view text, std::span<const Word> words, Finding& found) {
  std::string joined;
  std::size_t wanted = 4;
  bool is_usual = true;
  for (std::size_t i = 0; i < words.size() && joined.size() < wanted; ++i) {
    is_usual = is_usual && (i == 0 || words[i].joint == ' ' || words[i].joint == '-');
    if (!is_usual && !words[i].is_near) return 0;
    append_upper(joined, text.substr(words[i].begin, std::min<std::size_t>(words[i].size(), 35)));
    if (joined.size() < 4) {
      if (i > 0) return 0;
      continue;  // "DE 89 …"
    }
    if (!is_letter(joined[0]) || !is_letter(joined[1]) || !is_digit(joined[2]) || !is_digit(joined[3])) return 0;
    wanted = length_of(std::string_view{joined}.substr(0, 2));
    if (joined.size() != wanted) continue;
    std::rotate(joined.begin(), joined.begin() + 4, joined.end());
    if (modulo_97(joined) != 1 || (!is_usual && !is_in_fours(words.first(i)))) return 0;
    found = {Category::iban, "IBAN", words[0].begin, words[i].end, 0.99F};
    return i + 1;
  }
  return 0;
}

}  // namespace

void find_ibans(std::string_view text, std::span<const Word> words, Findings& to) {
  for (std::size_t i = 0; i < words.size();) {
    Finding found;
    const bool may_begin = !words[i].is_number && words[i].size() >= 2 && is_letter(text[words[i].begin + 1]);
    const std::size_t taken = may_begin ? iban_at(text, words.subspan(i), found) : 0;
    if (taken > 0) to.push_back(found);
    i += std::max<std::size_t>(taken, 1);
  }
}

}  // namespace picket::apps::guard
