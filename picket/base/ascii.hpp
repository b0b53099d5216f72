#pragma once

namespace picket::base {

/// ASCII in a world of bytes: no locale, and other bytes are themselves. Pure; any thread.
///
/// In lower case. Letters beyond ASCII stay: bytes of UTF-8 come out as they went in.
[[nodiscard]] constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// The value of a hexadecimal digit in either case; -1 where it is none.
[[nodiscard]] constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char letter = lower(c);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

}  // namespace picket::base
