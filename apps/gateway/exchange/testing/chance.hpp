#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace picket::apps::gateway::exchange::testing {

/// What is left to chance in a test; the same for the same number. Thread safety: a value's.
class Chance {
 public:
  explicit Chance(int number) : random_(static_cast<std::uint32_t>(number) * 2'654'435'761U + 1) {}

  [[nodiscard]] std::size_t below(std::size_t n) { return random_() % n; }
  [[nodiscard]] bool one_in(std::size_t n) { return below(n) == 0; }
  /// What stands where can be told.
  [[nodiscard]] static std::string text(std::size_t size) {
    std::string made(size, 'x');
    for (std::size_t i = 0; i < size; ++i) made[i] = static_cast<char>('a' + (i * 7 + i / 26 + size) % 26);
    return made;
  }
  /// At least one, and at most `most`; empty ones among them.
  [[nodiscard]] std::vector<std::string_view> cut(std::string_view text, std::size_t most) {
    std::vector<std::size_t> borders{text.size()};
    for (std::size_t i = below(most); i != 0; --i) borders.push_back(below(text.size() + 1));
    std::ranges::sort(borders);
    std::vector<std::string_view> pieces;
    std::size_t from = 0;
    for (const std::size_t border : borders) {
      pieces.push_back(text.substr(from, border - from));
      from = border;
    }
    return pieces;
  }

 private:
  std::minstd_rand random_;
};

}  // namespace picket::apps::gateway::exchange::testing
