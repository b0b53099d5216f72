#include "apps/guard/words.hpp"

#include <string>

#include "picket/base/ascii.hpp"

namespace picket::apps::guard {
namespace {

using std::string_view_literals::operator""sv;

/// The same for what gap_at() takes.
std::size_t separator_at(std::string_view text, std::size_t at) noexcept {
  constexpr std::string_view dots[] = {"\u00b7", "\u2022", "\u2027", "\u2219", "\u22c5"};
  if (const std::size_t space = space_at(text, at)) return space;
  if (const std::size_t hyphen = hyphen_at(text, at)) return hyphen;
  if ("\r\n_/.,*"sv.find(text[at]) != std::string_view::npos) return 1;
  for (const std::string_view dot : dots)
    if (text.substr(at).starts_with(dot)) return dot.size();
  return 0;
}

/// The character between two words, as Word::joint has it.
char joint_of(std::string_view between) noexcept {
  if (between.size() == 1 && between.front() != '\t') return between.front();
  if (between.empty() || between.size() > 3) return 0;
  if (space_at(between, 0) == between.size()) return ' ';
  if (hyphen_at(between, 0) == between.size()) return '-';
  return 0;
}

}  // namespace

std::size_t space_at(std::string_view text, std::size_t at) noexcept {
  const std::string_view rest = text.substr(at);
  if (rest.starts_with(' ') || rest.starts_with('\t')) return 1;
  if (rest.starts_with("\xc2\xa0"sv)) return 2;
  return rest.starts_with("\xe2\x80\x87"sv) || rest.starts_with("\xe2\x80\xaf"sv) ? 3 : 0;
}

std::size_t hyphen_at(std::string_view text, std::size_t at) noexcept {
  const std::string_view rest = text.substr(at, 3);
  if (rest.starts_with('-')) return 1;
  const bool is_dash = rest.size() == 3 && rest.starts_with("\xe2\x80"sv) && rest[2] >= '\x90' && rest[2] <= '\x95';
  return is_dash ? 3 : 0;
}

std::size_t gap_at(std::string_view text, std::size_t at) noexcept {
  constexpr int most_runs = 3;
  constexpr int most_characters = 6;
  const std::size_t begin = at;
  std::string_view last;
  int runs = 0;
  int characters = 0;
  while (at < text.size()) {
    const std::size_t size = separator_at(text, at);
    if (size == 0) break;
    const std::string_view separator = text.substr(at, size);
    runs += separator != last ? 1 : 0;
    if (runs > most_runs || ++characters > most_characters) return 0;
    last = separator;
    at += size;
  }
  return at - begin;
}

std::vector<Word> words_of(std::string_view text) {
  std::vector<Word> words;
  std::size_t last_end = std::string_view::npos;
  for (std::size_t at = 0; at < text.size();) {
    if (!is_alnum(text[at])) {
      ++at;
      continue;
    }
    Word word{.begin = at, .is_number = true};
    for (; at < text.size() && is_alnum(text[at]); ++at) word.is_number = word.is_number && is_digit(text[at]);
    word.end = at;
    if (last_end != std::string_view::npos) {
      word.joint = joint_of(text.substr(last_end, word.begin - last_end));
      word.is_near = gap_at(text, last_end) == word.begin - last_end;
    }
    last_end = at;
    words.push_back(word);
  }
  return words;
}

bool is_announced(std::string_view text, std::size_t at, std::string_view keywords, std::size_t reach) {
  const std::size_t from = at > reach ? at - reach : 0;
  std::string before{text.substr(from, at - from)};
  for (char& c : before) c = base::lower(c);
  while (!keywords.empty()) {
    const std::size_t bar = keywords.find('|');
    if (before.find(keywords.substr(0, bar)) != std::string::npos) return true;
    keywords.remove_prefix(bar == std::string_view::npos ? keywords.size() : bar + 1);
  }
  return false;
}

}  // namespace picket::apps::guard
