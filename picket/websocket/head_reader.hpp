#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>

#include "picket/websocket/breach.hpp"
#include "picket/websocket/frame.hpp"

namespace picket::websocket {

/// The heads of the frames that one peer sends, whatever the pieces that they come in. What is wrong with a head is
/// said with the byte that is wrong: nothing behind it is waited for.
///
/// Which frames may follow which is for Assembly to say. Thread safety: a value.
class HeadReader {
 public:
  explicit HeadReader(Sender sender) noexcept : sender_(sender) {}

  /// Takes what belongs to a head off the front of `bytes`. Nothing: more is needed. After a head the next one may be
  /// read. Errors: a breach, after which nothing is read any more.
  [[nodiscard]] std::expected<std::optional<FrameHead>, Breach> read(std::span<char>& bytes) noexcept;

 private:
  [[nodiscard]] std::optional<Breach> check() const noexcept;
  [[nodiscard]] std::optional<Breach> check_length() const noexcept;
  [[nodiscard]] std::size_t length_size() const noexcept;
  [[nodiscard]] std::size_t whole_size() const noexcept;
  [[nodiscard]] std::uint64_t length() const noexcept;
  [[nodiscard]] FrameHead head() const noexcept;
  [[nodiscard]] std::uint8_t byte(std::size_t i) const noexcept { return bytes_[i]; }

  Sender sender_;
  std::array<std::uint8_t, longest_head> bytes_{};
  std::size_t have_ = 0;
};

}  // namespace picket::websocket
