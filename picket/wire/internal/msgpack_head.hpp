#pragma once

#include <bit>
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

/// The lowest `size` bytes of `value` behind a marker, the highest first; returns their end.
[[nodiscard]] inline char* put_big_endian(unsigned marker, std::uint64_t value, std::size_t size, char* at) noexcept {
  std::uint64_t bytes = value << (64 - 8 * size);
  if constexpr (std::endian::native == std::endian::little) bytes = std::byteswap(bytes);
  *at = static_cast<char>(marker);
  std::memcpy(at + 1, &bytes, sizeof bytes);  // all eight: those behind are written over
  return at + 1 + size;
}

/// What put_big_endian() and put_number() may write.
inline constexpr std::size_t number_room = 9;

/// An unsigned integer in its shortest form; returns its end.
[[nodiscard]] inline char* put_number(std::uint64_t value, char* at) noexcept {
  if (value < 0x80) {
    *at = static_cast<char>(value);
    return at + 1;
  }
  if (value <= 0xFF) return put_big_endian(0xCC, value, 1, at);
  if (value <= 0xFFFF) return put_big_endian(0xCD, value, 2, at);
  if (value <= 0xFFFFFFFF) return put_big_endian(0xCE, value, 4, at);
  return put_big_endian(0xCF, value, 8, at);
}

}  // namespace picket::wire::internal
