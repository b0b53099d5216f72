#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

/// Protobuf's wire format (protobuf.dev, "Encoding"): fields, each a tag and a value; a tag is a number and how long
/// the value is.
namespace picket::wire::internal {

enum class WireType : std::uint8_t {
  varint = 0,
  fixed64 = 1,
  bytes = 2,  ///< A length, then as many bytes: text, messages, packed numbers.
  group_begin = 3,
  group_end = 4,
  fixed32 = 5,
};

[[nodiscard]] constexpr std::uint32_t tag_of(std::uint32_t number, WireType type) noexcept {
  return number << 3 | static_cast<std::uint32_t>(type);
}

/// The field of a Header that has its value's exact bytes (protocol.md, gRPC).
inline constexpr std::uint32_t raw_header_value = 20;

inline constexpr std::uint32_t largest_field_number = (1U << 29) - 1;
inline constexpr std::size_t longest_varint = 10;  // bytes
inline constexpr std::size_t longest_length = 5;   // bytes that a length of 32 bits takes
inline constexpr std::size_t longest_tag = 2;      // bytes; no field of ours has a number from 2048 on

/// Seven bits a byte.
[[nodiscard]] constexpr std::size_t varint_size(std::uint64_t value) noexcept {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) * 9 + 64) / 64;
}

/// Returns the end. The lowest bits first; every byte but the last has its top bit set.
constexpr char* put_varint(std::uint64_t value, char* at) noexcept {
  while (value >= 0x80) {
    *at++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *at = static_cast<char>(value);
  return at + 1;
}

}  // namespace picket::wire::internal
