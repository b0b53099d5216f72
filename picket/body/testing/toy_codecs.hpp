#pragma once

#include <algorithm>
#include <cctype>
#include <memory>
#include <string>
#include <utility>

#include "picket/body/passage.hpp"

/// Codecs that are as simple as can be: what a stage does that is no agent.
namespace picket::body::testing {

/// Bytes that nobody else owns, in a block of their own.
inline base::SharedBytes bytes_of(base::BlockPool& pool, std::string_view text) {
  if (text.empty()) return {};
  base::Block block = pool.take(text.size());
  std::ranges::copy(text, block.bytes().data());
  const base::ByteView view = base::as_bytes({block.bytes().data(), text.size()});
  return {std::move(block), view};
}

/// Writes each byte twice; so little of it waits that it lets out more than it takes, and is slow for that.
class Doubling final : public Stage {
 public:
  explicit Doubling(base::BlockPool& pool) : pool_(pool) {}
  ~Doubling() = default;

  [[nodiscard]] std::size_t credit() const noexcept override { return out_.size() == 0 ? most_waiting / 2 : 0; }
  void feed(Part part) override {
    std::string twice;
    for (const char byte : base::as_text(part.bytes.view())) twice.append(2, byte);
    out_.feed({.bytes = bytes_of(pool_, twice), .is_last = part.is_last});
  }
  [[nodiscard]] Part take(std::size_t most) override { return out_.take(most); }

  static constexpr std::size_t most_waiting = 64;
  [[nodiscard]] std::uint64_t waiting() const noexcept { return out_.size(); }
  [[nodiscard]] static std::string model(std::string_view text) {
    std::string twice;
    for (const char byte : text) twice.append(2, byte);
    return twice;
  }

 private:
  base::BlockPool& pool_;
  Passage out_;
};

/// Leaves vowels out, and so may let out nothing for what it takes.
class WithoutVowels final : public Stage {
 public:
  explicit WithoutVowels(base::BlockPool& pool) : pool_(pool) {}
  ~WithoutVowels() = default;

  [[nodiscard]] std::size_t credit() const noexcept override { return out_.credit(); }
  void feed(Part part) override {
    out_.feed({.bytes = bytes_of(pool_, model(base::as_text(part.bytes.view()))), .is_last = part.is_last});
  }
  [[nodiscard]] Part take(std::size_t most) override { return out_.take(most); }

  [[nodiscard]] std::uint64_t waiting() const noexcept { return out_.size(); }
  [[nodiscard]] static std::string model(std::string_view text) {
    std::string rest;
    for (const char byte : text)
      if (std::string_view{"aeiou"}.find(byte) == std::string_view::npos) rest += byte;
    return rest;
  }

 private:
  base::BlockPool& pool_;
  Passage out_;
};

}  // namespace picket::body::testing
