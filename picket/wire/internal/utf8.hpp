#pragma once

#include <cstddef>
#include <string_view>

namespace picket::wire::internal {

/// Whether every byte is below 0x80. Reads whole vectors, but never past the end.
[[nodiscard]] bool is_ascii(std::string_view text) noexcept;

/// Whether `text` is well-formed UTF-8 (Unicode 15, table 3-7: no surrogates, no overlong forms).
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

/// The length of the well-formed sequence at the front of `text`, or 0 where there is none.
[[nodiscard]] std::size_t utf8_sequence(std::string_view text) noexcept;

/// Writes the code point as UTF-8; returns the end. `out` has room for 4 bytes.
char* write_utf8(char* out, char32_t code_point) noexcept;

inline constexpr std::string_view replacement_character = "\xEF\xBF\xBD";  // U+FFFD

}  // namespace picket::wire::internal
