#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// Which characters mean what in KDL 2, and UTF-8. Pure functions.
namespace picket::kdl {

struct CodePoint {
  char32_t value = 0;
  std::uint8_t length = 0;  ///< Bytes; 0 at the end of the text and where it is not UTF-8.
};

/// The code point at byte `at`. Overlong forms and surrogates are not UTF-8.
[[nodiscard]] CodePoint decode(std::string_view text, std::size_t at) noexcept;

/// Appends `value`, which is a Unicode scalar value.
void append_utf8(std::string& text, char32_t value);

/// A surrogate or a number above U+10FFFF is none.
[[nodiscard]] bool is_scalar_value(char32_t value) noexcept;

/// White space that does not end a line.
[[nodiscard]] bool is_space(char32_t value) noexcept;

/// Bytes of the newline at byte `at`: CR LF is one newline. 0 where there is none.
[[nodiscard]] std::size_t newline_length(std::string_view text, std::size_t at) noexcept;

/// Control and text-direction characters that may stand nowhere in a document, not even in a comment: they would let a
/// file read otherwise than it looks.
[[nodiscard]] bool is_disallowed(char32_t value) noexcept;

/// May stand in a bare word.
[[nodiscard]] bool is_identifier(char32_t value) noexcept;

[[nodiscard]] constexpr bool is_digit(char byte) noexcept { return byte >= '0' && byte <= '9'; }

/// A word that can be written without quotes and is read as that very text.
[[nodiscard]] bool is_bare_word(std::string_view text) noexcept;

/// true, false, null, inf, -inf, nan: reserved, because they look like what they are not without their #.
[[nodiscard]] bool is_reserved_word(std::string_view text) noexcept;

/// Begins as a number does: a digit, a sign and a digit, a dot and a digit.
[[nodiscard]] bool looks_like_number(std::string_view text) noexcept;

}  // namespace picket::kdl
