#include <algorithm>
#include <string>

#include "apps/guard/check_digits.hpp"
#include "apps/guard/recognisers/recognisers.hpp"

namespace picket::apps::guard {
namespace {

constexpr std::size_t shortest = 13;
constexpr std::size_t longest = 19;  // ISO/IEC 7812-1

/// Numbers that begin with something from `first` to `last` (as many digits), and how long they are.
struct Issuer {
  std::string_view kind;
  int first;
  int last;
  std::size_t prefix;
  std::size_t shortest;
  std::size_t longest;
};

/// Old Visa numbers of 13 digits are not among them: bar codes (EAN-13) of several countries begin with 4.
constexpr Issuer issuers[] = {
    {"Visa card", 4, 4, 1, 16, 16},
    {"Visa card", 4, 4, 1, 19, 19},
    {"Mastercard", 51, 55, 2, 16, 16},
    {"Mastercard", 2221, 2720, 4, 16, 16},
    {"American Express card", 34, 34, 2, 15, 15},
    {"American Express card", 37, 37, 2, 15, 15},
    {"Diners Club card", 300, 305, 3, 14, 19},
    {"Diners Club card", 3095, 3095, 4, 14, 19},
    {"Diners Club card", 36, 36, 2, 14, 19},
    {"Diners Club card", 38, 39, 2, 14, 19},
    {"Discover card", 6011, 6011, 4, 16, 19},
    {"Discover card", 644, 649, 3, 16, 19},
    {"Discover card", 65, 65, 2, 16, 19},
    {"JCB card", 3528, 3589, 4, 16, 19},
    {"UnionPay card", 62, 62, 2, 16, 19},
    {"UnionPay card", 81, 81, 2, 16, 19},
    {"Mir card", 2200, 2204, 4, 16, 19},
    {"RuPay card", 60, 60, 2, 16, 16},
    {"RuPay card", 508, 508, 3, 16, 16},
    {"Troy card", 9792, 9792, 4, 16, 16},
    {"Maestro card", 5018, 5018, 4, 13, 19},
    {"Maestro card", 5020, 5020, 4, 13, 19},
    {"Maestro card", 5038, 5038, 4, 13, 19},
    {"Maestro card", 5893, 5893, 4, 13, 19},
    {"Maestro card", 6304, 6304, 4, 13, 19},
    {"Maestro card", 6759, 6763, 4, 13, 19},
};

std::string_view issuer_of(std::string_view digits) {
  for (const Issuer& issuer : issuers) {
    const int prefix = number_at(digits, 0, issuer.prefix);
    if (prefix >= issuer.first && prefix <= issuer.last && digits.size() >= issuer.shortest &&
        digits.size() <= issuer.longest)
      return issuer.kind;
  }
  return {};
}

/// Whether these groups are how people write cards: one, fours with a rest, 4-6-5 and 4-6-4, or digit by digit.
bool is_grouped_like_a_card(std::span<const Word> groups) {
  if (groups.size() == 1) return true;
  const auto each_is = [&](std::size_t size) {
    return std::all_of(groups.begin(), groups.end(), [size](const Word& group) { return group.size() == size; });
  };
  if (each_is(1)) return true;
  if (groups.size() == 3 && groups[0].size() == 4 && groups[1].size() == 6) return true;
  if (groups.size() == 2) return groups[0].size() >= 4 && groups[1].size() >= 4;
  return std::all_of(groups.begin(), groups.end() - 1, [](const Word& group) { return group.size() == 4; });
}

/// A number's digits after the decimal point are none of a card.
bool is_fraction(std::string_view text, const Word& word) {
  return word.joint == '.' && word.begin >= 2 && is_digit(text[word.begin - 2]);
}

/// Of which words a card may consist: those with one and the same sign between them, or those that are near.
enum class Spelling : std::uint8_t { usual, any };

bool belongs(std::span<const Word> words, std::size_t i, Spelling spelling) {
  if (!words[i].is_number) return false;
  if (i == 0) return true;
  const char joint = words[i].joint;
  if (spelling == Spelling::any) return words[i].is_near;
  return joint == words[1].joint && (joint == ' ' || joint == '-' || joint == '.');
}

/// The card that begins with the first of `words`; how many of them it takes, or 0.
std::size_t card_at(std::string_view text, std::span<const Word> words, Spelling spelling, Finding& found) {
  std::string digits;
  std::size_t taken = 0;
  for (std::size_t i = 0; i < words.size() && belongs(words, i, spelling); ++i) {
    if (digits.size() + words[i].size() > longest) break;
    digits += text.substr(words[i].begin, words[i].size());
    if (digits.size() < shortest || !is_grouped_like_a_card(words.first(i + 1))) continue;
    const std::string_view kind = issuer_of(digits);
    if (kind.empty() || !passes_luhn(digits)) continue;
    taken = i + 1;
    found = {Category::credit_card, kind, words[0].begin, words[i].end, taken > 1 ? 0.95F : 0.9F};
  }
  return taken;
}

/// Whether there is a number of the first one's size beside the `count` words from `first`: then they are of a list of
/// numbers, of which one in ten passes Luhn.
bool is_of_list(std::span<const Word> words, std::size_t first, std::size_t count) {
  const auto is_like_first = [&](const Word& word) { return word.is_number && word.size() == words[first].size(); };
  const std::size_t behind = first + count;
  return (first > 0 && words[first].is_near && is_like_first(words[first - 1])) ||
         (behind < words.size() && words[behind].is_near && is_like_first(words[behind]));
}

/// The same for one that is written with other signs between its groups, such as ends of lines: three groups at least.
std::size_t unusual_card_at(std::string_view text, std::span<const Word> words, std::size_t first, Finding& found) {
  const std::size_t taken = card_at(text, words.subspan(first), Spelling::any, found);
  if (taken < 3 || is_of_list(words, first, taken)) return 0;
  found.confidence = 0.8F;
  return taken;
}

}  // namespace

void find_cards(std::string_view text, std::span<const Word> words, Findings& to) {
  for (std::size_t i = 0; i < words.size();) {
    Finding found;
    const bool may_begin = words[i].is_number && !is_fraction(text, words[i]);
    std::size_t taken = may_begin ? card_at(text, words.subspan(i), Spelling::usual, found) : 0;
    if (may_begin && taken == 0) taken = unusual_card_at(text, words, i, found);
    if (taken > 0) to.push_back(found);
    i += std::max<std::size_t>(taken, 1);
  }
}

}  // namespace picket::apps::guard
