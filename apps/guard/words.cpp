#include "apps/guard/words.hpp"

#include <string>

#include "picket/base/ascii.hpp"

namespace picket::apps::guard {
namespace {

using std::string_view_literals::operator""sv;

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
  const bool is_dash = rest.size() == 3 && rest.starts_with("\xe2\x80"sv) && rest[2] >= '\x90' && rest[2] <= '\x94';
  return is_dash ? 3 : 0;
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
    if (last_end != std::string_view::npos) word.joint = joint_of(text.substr(last_end, word.begin - last_end));
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
