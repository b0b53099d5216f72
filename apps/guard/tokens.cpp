#include "apps/guard/tokens.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace picket::apps::guard {
namespace {

constexpr std::size_t longest_overlap = 2048;

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
  TokenCount count;
  for (const char c : text) count.add(c);
  return count.tokens();
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
