#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace picket::apps::guard {

/// How many tokens a text is, where nobody says: one for every four bytes of ASCII, and one for each other character.
/// English is about as much by the tokenizers in use; code, and scripts of many letters to a token, are up to twice as
/// many or half. Of UTF-8, byte by byte. Thread safety: a value.
class TokenCount {
 public:
  void add(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);
    ascii_ += byte < 0x80 ? 1 : 0;
    others_ += byte >= 0xc0 ? 1 : 0;
  }
  TokenCount& operator+=(const TokenCount& other) noexcept {
    ascii_ += other.ascii_;
    others_ += other.others_;
    return *this;
  }
  [[nodiscard]] std::uint64_t tokens() const noexcept { return (ascii_ + 3) / 4 + others_; }

 private:
  std::uint64_t ascii_ = 0;
  std::uint64_t others_ = 0;
};

/// The same of a whole text. Complexity: linear.
[[nodiscard]] std::uint64_t estimated_tokens(std::string_view text) noexcept;

/// Tokens of prompt and answer by an estimate.
struct Estimate {
  std::uint64_t prompt = 0;
  std::uint64_t answer = 0;
};

/// What an exchange has cost, by who says how many: the model, or an estimate.
struct Tokens {
  std::uint64_t said = 0;
  std::uint64_t estimated = 0;

  [[nodiscard]] std::uint64_t all() const noexcept { return said + estimated; }
  [[nodiscard]] friend Tokens operator+(const Tokens& a, const Tokens& b) noexcept {
    return {.said = a.said + b.said, .estimated = a.estimated + b.estimated};
  }
  [[nodiscard]] bool operator==(const Tokens&) const = default;
};

/// Tokens of a text that is seen in windows which overlap: what was at the end of the last one is not counted again.
///
/// Thread safety: none. Complexity: linear in what is fed; it keeps at most 2 KiB.
class OverlappingText {
 public:
  void feed(std::string_view window);
  [[nodiscard]] std::uint64_t tokens() const noexcept { return tokens_; }

 private:
  std::string tail_;
  std::uint64_t tokens_ = 0;
};

/// The same for several texts whose windows come in between each other's.
///
/// Thread safety: none. Complexity: as OverlappingText, for at most `most` texts: of one that comes back after so many
/// others an overlap is counted twice.
class OverlappingTexts {
 public:
  static constexpr std::size_t most = 16;

  /// `name`: which text it is a window of.
  void feed(std::string_view name, std::string_view window);
  [[nodiscard]] std::uint64_t tokens() const noexcept;

 private:
  struct Named {
    std::size_t name = 0;  // its hash: a name may be of any length
    OverlappingText text;
  };
  std::vector<Named> texts_;  // what was fed last stands last
  std::uint64_t forgotten_ = 0;
};

}  // namespace picket::apps::guard
