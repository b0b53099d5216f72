#include <algorithm>
#include <string>
#include <vector>

#include "apps/guard/recognisers/national_id_schemes.hpp"
#include "apps/guard/recognisers/recognisers.hpp"

namespace picket::apps::guard {
namespace {

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

std::size_t separator_at(std::string_view text, std::size_t at) {
  if (const std::size_t space = space_at(text, at)) return space;
  if (const std::size_t hyphen = hyphen_at(text, at)) return hyphen;
  return text[at] == '.' ? 1 : 0;
}

/// What may stand where a spelling has a sign: that sign, or any gap.
enum class Signs : std::uint8_t { usual, any };

/// How many bytes at `at` are what a character of a spelling stands for; npos where they are not.
std::size_t taken_by(char expected, std::string_view text, std::size_t at, Signs signs) {
  constexpr std::size_t none = std::string_view::npos;
  if (signs == Signs::any && std::string_view{"_- ./"}.find(expected) != std::string_view::npos) {
    const std::size_t gap = gap_at(text, at);
    return gap > 0 || expected == '_' ? gap : none;
  }
  if (expected == '_') return at < text.size() ? separator_at(text, at) : 0;
  if (at >= text.size()) return none;
  const char c = text[at];
  switch (expected) {
    case '9': return is_digit(c) ? 1 : none;
    case 'A': return is_letter(c) ? 1 : none;
    case 'U': return is_upper(c) ? 1 : none;
    case 'X': return is_alnum(c) ? 1 : none;
    case '-': return hyphen_at(text, at) > 0 ? hyphen_at(text, at) : none;
    case ' ': return space_at(text, at) > 0 ? space_at(text, at) : none;
    default: return c == expected ? 1 : none;
  }
}

/// Where a number of that spelling ends which begins at `begin`, its digits and letters in `number`; 0 where there is
/// none. Complexity: the length of the spelling; most texts differ at its first character.
std::size_t match(const Scheme& scheme, std::string_view text, std::size_t begin, Signs signs, std::string& number) {
  std::size_t at = begin;
  number.clear();
  for (const char expected : scheme.spelling) {
    const std::size_t taken = taken_by(expected, text, at, signs);
    if (taken == std::string_view::npos) return 0;
    if (taken == 1 && is_alnum(text[at])) number += is_digit(text[at]) ? text[at] : static_cast<char>(text[at] & ~0x20);
    at += taken;
  }
  return at;
}

std::size_t leading(std::string_view text, bool (*is_one)(char)) {
  std::size_t count = 0;
  while (count < text.size() && is_one(text[count])) ++count;
  return count;
}

/// By how many digits a text has to begin for a scheme. A separator that may be left out lets more follow.
struct Beginning {
  const Scheme* scheme;
  std::size_t fewest;
  std::size_t most;
  [[nodiscard]] bool fits(std::size_t digits) const { return digits >= fewest && digits <= most; }
};

const std::vector<Beginning>& beginnings() {
  static const std::vector<Beginning> all = [] {
    constexpr std::size_t any = 32;
    std::vector<Beginning> made;
    for (const Scheme& scheme : national_id_schemes()) {
      const std::size_t digits = leading(scheme.spelling, [](char c) { return c == '9'; });
      const bool may_go_on =
          digits < scheme.spelling.size() && (scheme.spelling[digits] == '_' || scheme.spelling[digits] == 'X');
      made.push_back({&scheme, digits, digits > 0 && may_go_on ? any : digits});
    }
    return made;
  }();
  return all;
}

/// Whether a number goes on where it seems to begin or end: "1.123-45-6789", "123-45-6789-1".
bool is_part_of_more(std::string_view text, std::size_t begin, std::size_t end) {
  const auto is_joint = [](char c) { return c == '-' || c == '.' || c == '/' || c == '_'; };
  if (begin > 1 && is_joint(text[begin - 1]) && is_alnum(text[begin - 2])) return true;
  if (end < text.size() && is_alnum(text[end])) return true;
  return end + 1 < text.size() && is_joint(text[end]) && is_alnum(text[end + 1]);
}

/// Without a digit in it or right behind it no number begins with a word.
bool may_begin(std::string_view text, const Word& word) {
  constexpr std::size_t longest = 16;
  if (word.is_number) return true;
  const std::string_view begun = text.substr(word.begin, std::min(word.size(), longest) + (word.size() <= 2 ? 3 : 0));
  return std::any_of(begun.begin(), begun.end(), is_digit);
}

/// Whether the `words` before it, or their lack, let a number be of that scheme.
bool may_stand(const Scheme& scheme, std::string_view text, std::size_t begin) {
  constexpr std::size_t right_before = 12;
  return (scheme.words.empty() || is_announced(text, begin, scheme.words)) &&
         (scheme.never_behind.empty() || !is_announced(text, begin, scheme.never_behind, right_before));
}

/// Any signs are for numbers that few others pass for, or that a word says.
bool may_have_any_signs(const Scheme& scheme) {
  const Check check = check_of(scheme);
  return check == Check::strong || (check == Check::digit && !scheme.words.empty());
}

/// A number among others, with any signs between them.
bool is_of_list(std::string_view text, std::span<const Word> words, std::size_t first, std::size_t end) {
  const std::size_t gap = gap_at(text, end);
  return (first > 0 && words[first].is_near && words[first - 1].is_number) ||
         (gap > 0 && end + gap < text.size() && is_digit(text[end + gap]));
}

/// The number that begins with the word `first`; whether there is one.
bool find_at(std::string_view text, std::span<const Word> words, std::size_t first, Signs signs, Finding& found) {
  const std::size_t begin = words[first].begin;
  const std::size_t digits = leading(text.substr(begin, 33), is_digit);
  std::string number;
  for (const Beginning& beginning : beginnings()) {
    if (!beginning.fits(digits)) continue;
    const Scheme& scheme = *beginning.scheme;
    if (signs == Signs::any && !may_have_any_signs(scheme)) continue;
    const std::size_t end = match(scheme, text, begin, signs, number);
    if (end == 0 || is_part_of_more(text, begin, end) || !scheme.is_valid(number)) continue;
    if (!may_stand(scheme, text, begin) || (signs == Signs::any && is_of_list(text, words, first, end))) continue;
    found = {Category::national_id, scheme.kind, begin, end, scheme.confidence};
    return true;
  }
  return false;
}

}  // namespace

void find_national_ids(std::string_view text, std::span<const Word> words, Findings& to) {
  std::size_t from = 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i].begin < from || !may_begin(text, words[i])) continue;
    Finding found;
    if (!find_at(text, words, i, Signs::usual, found) && !find_at(text, words, i, Signs::any, found)) continue;
    to.push_back(found);
    from = found.end;
  }
}

}  // namespace picket::apps::guard
