#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace picket::wire::internal {

/// The head of a MessagePack text of at most 255 bytes; returns its end, and may write a byte behind it.
[[nodiscard]] inline char* put_short_text_head(std::size_t size, char* at) noexcept {
  const bool fixed = size < 32;
  *at = static_cast<char>(fixed ? 0xA0 | size : 0xD9);
  at[1] = static_cast<char>(size);
  return at + (fixed ? 1 : 2);
}

/// What put_number() may write.
inline constexpr std::size_t number_room = 9;

/// An unsigned integer in its shortest form; returns its end, and may write behind it.
[[nodiscard]] inline char* put_number(std::uint64_t value, char* at) noexcept {
  if (value < 0x80) {
    *at = static_cast<char>(value);
    return at + 1;
  }
  // 1, 2, 4 or 8 bytes, big-endian.
  const unsigned power = value <= 0xFF ? 0 : value <= 0xFFFF ? 1 : value <= 0xFFFFFFFF ? 2 : 3;
  const std::size_t size = std::size_t{1} << power;
  const std::uint64_t bytes = __builtin_bswap64(value << (64 - 8 * size));
  *at = static_cast<char>(0xCC + power);
  std::memcpy(at + 1, &bytes, sizeof bytes);
  return at + 1 + size;
}

}  // namespace picket::wire::internal
