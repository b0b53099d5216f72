#include "apps/guard/tokens.hpp"

#include <array>
#include <functional>

#include "apps/guard/words.hpp"

namespace picket::apps::guard {
namespace {

constexpr std::size_t longest_member = 64;  // a name, a colon, spaces, a number
constexpr std::size_t longest_overlap = 2048;
constexpr std::uint64_t most_tokens = 1'000'000'000;  // more is no usage of one exchange

enum class Part : std::uint8_t { total, prompt, completion };
struct Name {
  std::string_view text;
  Part part;
};
constexpr Name names[] = {
    {"total_tokens\"", Part::total},
    {"totalTokenCount\"", Part::total},
    {"prompt_tokens\"", Part::prompt},
    {"input_tokens\"", Part::prompt},
    {"promptTokenCount\"", Part::prompt},
    {"prompt_eval_count\"", Part::prompt},
    {"completion_tokens\"", Part::completion},
    {"output_tokens\"", Part::completion},
    {"candidatesTokenCount\"", Part::completion},
    {"eval_count\"", Part::completion},
};

/// The number behind a colon; 0 where there is none that is a count in digits alone, or not all of it: it comes again
/// with the next chunk.
std::uint64_t number_behind_colon(std::string_view text) {
  std::size_t at = text.find_first_not_of(" \t\r\n");
  if (at == std::string_view::npos || text[at] != ':') return 0;
  at = text.find_first_not_of(" \t\r\n", at + 1);
  std::uint64_t value = 0;
  for (; at < text.size() && is_digit(text[at]); ++at) {
    value = value * 10 + static_cast<std::uint64_t>(text[at] - '0');
    if (value > most_tokens) return 0;
  }
  const bool is_whole = at < text.size() && std::string_view{".eE"}.find(text[at]) == std::string_view::npos;
  return is_whole ? value : 0;
}

/// How long the longest beginning of `text` is that `tail` ends with (Knuth, Morris and Pratt).
std::size_t overlap_of(std::string_view tail, std::string_view text) {
  text = text.substr(0, longest_overlap);
  if (text.empty()) return 0;
  std::vector<std::size_t> borders(text.size(), 0);
  std::size_t matched = 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    while (matched > 0 && text[i] != text[matched]) matched = borders[matched - 1];
    if (text[i] == text[matched]) ++matched;
    borders[i] = matched;
  }
  matched = 0;
  for (const char c : tail) {
    if (matched == text.size()) matched = borders[matched - 1];
    while (matched > 0 && c != text[matched]) matched = borders[matched - 1];
    if (c == text[matched]) ++matched;
  }
  return matched;
}

}  // namespace

std::uint64_t estimated_tokens(std::string_view text) noexcept {
  std::uint64_t ascii = 0;
  std::uint64_t others = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    ascii += byte < 0x80 ? 1 : 0;
    others += byte >= 0xc0 ? 1 : 0;
  }
  return (ascii + 3) / 4 + others;
}

void UsageReader::feed(std::string_view chunk) {
  // What of the chunk may go on with the tail, then the chunk itself.
  tail_ += chunk.substr(0, longest_member);
  read(tail_, is_at_start_);
  if (chunk.size() > longest_member) read(chunk, false);
  is_at_start_ = is_at_start_ && chunk.empty();
  if (chunk.size() > longest_member) tail_.assign(chunk.substr(chunk.size() - longest_member));
  if (tail_.size() > longest_member) tail_.erase(0, tail_.size() - longest_member);
}

void UsageReader::read(std::string_view text, bool is_first) {
  for (std::size_t at = text.find('"'); at != std::string_view::npos; at = text.find('"', at + 1)) {
    // Without what comes before nobody knows whether it is escaped; the tail has the same place again with that.
    if (at == 0 ? !is_first : text[at - 1] == '\\') continue;
    const std::string_view rest = text.substr(at + 1);
    for (const Name& name : names) {
      if (!rest.starts_with(name.text)) continue;
      const std::uint64_t value = number_behind_colon(rest.substr(name.text.size()));
      std::uint64_t& part = name.part == Part::total ? total_ : name.part == Part::prompt ? prompt_ : completion_;
      part = std::max(part, value);
      break;
    }
  }
}

void OverlappingText::feed(std::string_view window) {
  tokens_ += estimated_tokens(window.substr(overlap_of(tail_, window)));
  tail_.assign(window.substr(window.size() - std::min(window.size(), longest_overlap)));
}

void OverlappingTexts::feed(std::string_view name, std::string_view window) {
  const std::size_t hash = std::hash<std::string_view>{}(name);
  const auto known = std::ranges::find(texts_, hash, &Named::name);
  if (known != texts_.end()) {
    std::rotate(known, known + 1, texts_.end());
  } else {
    if (texts_.size() >= most) {
      forgotten_ += texts_.front().text.tokens();
      texts_.erase(texts_.begin());
    }
    texts_.push_back({.name = hash, .text = {}});
  }
  texts_.back().text.feed(window);
}

std::uint64_t OverlappingTexts::tokens() const noexcept {
  std::uint64_t all = forgotten_;
  for (const Named& named : texts_) all += named.text.tokens();
  return all;
}

}  // namespace picket::apps::guard
