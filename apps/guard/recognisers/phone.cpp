#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "apps/guard/check_digits.hpp"
#include "apps/guard/recognisers/phone_numbers.hpp"
#include "apps/guard/recognisers/recognisers.hpp"

namespace picket::apps::guard {
namespace {

constexpr std::size_t longest = 15;    // digits, E.164
constexpr std::size_t most_parts = 8;  // groups of digits that people write
constexpr std::string_view keywords =
    "phone|tel:|tel.|tel |mobile|mobil|cell|call |calling|fax|whatsapp|sms|telefon|handy|tél|portable|móvil|telefono|"
    "teléfono|celular|dial |text me|telephone|ring ";

/// How far a number goes: digits, and between them at most two characters of those that people write there. Where each
/// group of digits ends is kept, so that what follows a number can be left out.
struct Run {
  std::string digits;
  struct Group {
    std::size_t digits;  // so many up to here
    std::size_t end;     // bytes of the text
  };
  std::vector<Group> groups;
  std::size_t begin = 0;
};

std::size_t separator_at(std::string_view text, std::size_t at) {
  if (at >= text.size()) return 0;
  if (const std::size_t space = space_at(text, at)) return space;
  if (const std::size_t hyphen = hyphen_at(text, at)) return hyphen;
  return std::string_view{".()/"}.find(text[at]) != std::string_view::npos ? 1 : 0;
}

/// The run that begins at `at`, with a '+' or '(' perhaps.
Run run_at(std::string_view text, std::size_t at) {
  Run run{.begin = at};
  if (at < text.size() && (text[at] == '+' || text[at] == '(')) ++at;
  if (at < text.size() && text[at] == '(') ++at;  // "+(44)"
  while (at < text.size() && run.digits.size() <= longest + 2 && run.groups.size() < most_parts) {
    while (at < text.size() && is_digit(text[at]) && run.digits.size() <= longest + 2) run.digits += text[at++];
    run.groups.push_back({run.digits.size(), at});
    for (int i = 0; i < 3 && at < text.size() && !is_digit(text[at]); ++i) at += separator_at(text, at);
    if (at >= text.size() || !is_digit(text[at])) break;
  }
  return run;
}

/// Whether a letter or a digit goes on where a number seems to end.
bool goes_on(std::string_view text, std::size_t at) {
  if (at >= text.size()) return false;
  if (is_alnum(text[at]) || text[at] == '@' || text[at] == '_') return true;
  const bool is_joint = text[at] == '-' || text[at] == '.' || text[at] == ',' || text[at] == '/' || text[at] == ':';
  return is_joint && at + 1 < text.size() && is_digit(text[at + 1]);
}

/// The longest part of a run, of whole groups, that has from `fewest` to `most` digits; null where none has.
const Run::Group* longest_part(const Run& run, std::string_view text, std::size_t fewest, std::size_t most) {
  const Run::Group* best = nullptr;
  for (const Run::Group& group : run.groups)
    if (group.digits >= fewest && group.digits <= most && !goes_on(text, group.end)) best = &group;
  return best;
}

/// "+49 30 1234567", "0049 30 1234567": `prefix` digits come before the country's code.
bool find_international(std::string_view text, const Run& run, std::size_t prefix, Findings& to) {
  const std::string_view digits = std::string_view{run.digits}.substr(prefix);
  const auto country = calling_country(digits);
  if (!country) return false;
  // A trunk zero in parentheses, "+44 (0)20 …", is one digit more.
  const std::size_t trunk = text.substr(run.begin, 10).find("(0)") != std::string_view::npos ? 1 : 0;
  const std::size_t before = prefix + country->code_length + trunk;
  const auto* const part =
      longest_part(run, text, before + country->fewest, std::min(before + country->most, prefix + longest + trunk));
  if (part == nullptr) return false;
  to.push_back({Category::phone, "phone number with its country's code", run.begin, part->end, 0.9F});
  return true;
}

/// The sizes of the first groups, as a text: "3-3-4".
std::string shape_of(std::span<const Run::Group> groups) {
  std::string shape;
  std::size_t before = 0;
  for (const Run::Group& group : groups) {
    if (!shape.empty()) shape += '-';
    shape += std::to_string(group.digits - before);
    before = group.digits;
  }
  return shape;
}

/// How sure it is that these groups, a run's first, are a national spelling.
float national_confidence(std::string_view text, const Run& run, std::span<const Run::Group> groups,
                          bool is_announced_here) {
  const std::string_view digits = std::string_view{run.digits}.substr(0, groups.back().digits);
  if (is_announced_here && digits.size() >= 7 && digits.size() <= 13) return 0.8F;
  const NationalSpelling* const spelling = national_spelling(digits, shape_of(groups), text[run.begin] == '(');
  return spelling != nullptr ? spelling->confidence : 0;
}

bool find_national(std::string_view text, const Run& run, Findings& to) {
  constexpr std::size_t most_groups = 5;
  const bool is_announced_here = is_announced(text, run.begin, keywords, 24);
  for (std::size_t count = std::min(run.groups.size(), most_groups); count > 0; --count) {
    const auto groups = std::span{run.groups}.first(count);
    const std::size_t end = groups.back().end;
    if (groups.back().digits < 7 || goes_on(text, end)) continue;
    const float confidence = national_confidence(text, run, groups, is_announced_here);
    if (confidence == 0) continue;
    to.push_back({Category::phone, "phone number", run.begin, end, confidence});
    return true;
  }
  return false;
}

/// Whether a number may begin at `at`: not within a word, a longer number, an amount or an address.
bool may_begin(std::string_view text, std::size_t at) {
  if (at == 0) return true;
  const char before = text[at - 1];
  if (is_alnum(before) || before == '_' || before == '@' || before == '$' || before == '#' || before == '+')
    return false;
  const bool is_joint = before == '.' || before == ',' || before == '-' || before == '/' || before == ':';
  if (!is_joint || at < 2) return true;
  const bool follows_a_word = text[at] == '+' || before == ':';  // "tel.+49", "Tel:030"
  return follows_a_word ? !is_digit(text[at - 2]) : !is_alnum(text[at - 2]);
}

}  // namespace

void find_phones(std::string_view text, Findings& to) {
  for (std::size_t at = 0; at < text.size();) {
    const bool may_start = is_digit(text[at]) || text[at] == '+' || text[at] == '(';
    if (!may_start) {
      ++at;
      continue;
    }
    const std::size_t findings = to.size();
    const bool has_digit =
        is_digit(text[at]) || (at + 1 < text.size() && (is_digit(text[at + 1]) || text[at + 1] == '('));
    if (has_digit && may_begin(text, at)) {
      const Run run = run_at(text, at);
      const bool is_international = text[at] == '+'
                                        ? find_international(text, run, 0, to)
                                        : run.digits.starts_with("00") && find_international(text, run, 2, to);
      if (!is_international && text[at] != '+') (void)find_national(text, run, to);
    }
    if (to.size() > findings) {
      at = to.back().end;
      continue;
    }
    ++at;
    while (at < text.size() && is_digit(text[at - 1]) && is_digit(text[at])) ++at;  // not from within a group
  }
}

}  // namespace picket::apps::guard
