#include "picket/inspection/common_words.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace picket::inspection {
namespace {

using Words = std::vector<std::string_view>;
/// How far the one text was read on each diagonal, by what was changed so far.
using Frontier = std::vector<std::int32_t>;

/// What is no ASCII is of words: so no character is cut.
bool is_of_word(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         static_cast<unsigned char>(c) >= 0x80;
}

Words split(std::string_view text) {
  Words words;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at + 1;
    while (is_of_word(text[at]) && end < text.size() && is_of_word(text[end])) ++end;
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

/// A pair of words, one of each text, that are the same.
using Pair = std::pair<std::size_t, std::size_t>;

class Alignment {
 public:
  Alignment(const Words& one, const Words& other) noexcept : one_{one}, other_{other} {}

  /// In order; none where they differ too much.
  [[nodiscard]] std::vector<Pair> pairs() {
    for (std::int32_t changes = 0; changes <= static_cast<std::int32_t>(most_differences); ++changes)
      if (step(changes)) return trace(changes);
    return {};
  }

 private:
  [[nodiscard]] static bool goes_down(const Frontier& before, std::int32_t changes, std::int32_t diagonal) noexcept {
    return diagonal == -changes ||
           (diagonal != changes && at(before, changes - 1, diagonal - 1) < at(before, changes - 1, diagonal + 1));
  }
  [[nodiscard]] static std::int32_t at(const Frontier& frontier, std::int32_t changes, std::int32_t diagonal) noexcept {
    return frontier[static_cast<std::size_t>(diagonal + changes)];
  }

  [[nodiscard]] std::int32_t begin_of(std::int32_t changes, std::int32_t diagonal) const noexcept {
    if (changes == 0) return 0;
    const Frontier& before = frontiers_[static_cast<std::size_t>(changes - 1)];
    return goes_down(before, changes, diagonal) ? at(before, changes - 1, diagonal + 1)
                                                : at(before, changes - 1, diagonal - 1) + 1;
  }

  /// Whether both ends are reached with so many changes.
  bool step(std::int32_t changes) {
    const auto width = static_cast<std::int32_t>(one_.size());
    const auto height = static_cast<std::int32_t>(other_.size());
    Frontier frontier(2 * static_cast<std::size_t>(changes) + 1, 0);
    bool is_through = false;
    for (std::int32_t diagonal = -changes; diagonal <= changes && !is_through; diagonal += 2) {
      std::int32_t x = begin_of(changes, diagonal);
      while (x < width && x - diagonal < height && x >= diagonal && same(x, x - diagonal)) ++x;
      frontier[static_cast<std::size_t>(diagonal + changes)] = x;
      is_through = x >= width && x - diagonal >= height;
    }
    frontiers_.push_back(std::move(frontier));
    return is_through;
  }

  [[nodiscard]] std::vector<Pair> trace(std::int32_t changes) const {
    std::vector<Pair> pairs;
    auto x = static_cast<std::int32_t>(one_.size());
    auto diagonal = x - static_cast<std::int32_t>(other_.size());
    for (; changes >= 0; --changes) {
      const std::int32_t begin = begin_of(changes, diagonal);
      for (; x > begin; --x) pairs.emplace_back(x - 1, x - 1 - diagonal);
      if (changes == 0) break;
      const bool down = goes_down(frontiers_[static_cast<std::size_t>(changes - 1)], changes, diagonal);
      if (!down) --x;
      diagonal += down ? 1 : -1;
    }
    std::ranges::reverse(pairs);
    return pairs;
  }

  [[nodiscard]] bool same(std::int32_t x, std::int32_t y) const noexcept {
    return one_[static_cast<std::size_t>(x)] == other_[static_cast<std::size_t>(y)];
  }

  const Words& one_;
  const Words& other_;
  std::vector<Frontier> frontiers_;
};

bool has_word(std::string_view text) noexcept { return std::ranges::any_of(text, is_of_word); }

}  // namespace

std::vector<CommonWords> common_words(std::string_view text, std::string_view other) {
  const Words one = split(text);
  const Words two = split(other);
  std::vector<CommonWords> parts;
  for (const auto& [x, y] : Alignment{one, two}.pairs()) {
    const auto begin = static_cast<std::size_t>(one[x].data() - text.data());
    const auto new_begin = static_cast<std::size_t>(two[y].data() - other.data());
    const bool goes_on = !parts.empty() && parts.back().begin + parts.back().size == begin &&
                         parts.back().new_begin + parts.back().size == new_begin;
    if (!goes_on) parts.push_back({.begin = begin, .new_begin = new_begin, .size = 0});
    parts.back().size += one[x].size();
  }
  std::erase_if(parts, [&](const CommonWords& part) { return !has_word(text.substr(part.begin, part.size)); });
  return parts;
}

}  // namespace picket::inspection
