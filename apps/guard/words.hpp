#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "picket/base/ascii.hpp"

namespace picket::apps::guard {

using base::is_digit;

/// A run of ASCII letters and digits in a text, and what stands between it and the run before. Units: bytes.
struct Word {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool is_number = false;  ///< Digits only.
  char joint = 0;          ///< The one character in between: '-' for any hyphen, ' ' for a space that does not break a
                           ///< line; 0 where there is none, or more than one.
  bool is_near = false;    ///< There is a gap in between, as gap_at() has it.

  [[nodiscard]] std::size_t size() const noexcept { return end - begin; }
};

/// All of them. Complexity: linear; a Word for at least two bytes of text.
[[nodiscard]] std::vector<Word> words_of(std::string_view text);

[[nodiscard]] constexpr bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
[[nodiscard]] constexpr bool is_alnum(char c) noexcept { return is_digit(c) || is_letter(c); }

/// A control character that nobody sees, and that divides nothing: none of tab, line feed, return, those to the next
/// line or page, and of Unicode's next line. `code`: a code point, below 0 for what is none.
[[nodiscard]] constexpr bool is_unseen_control(std::int32_t code) noexcept {
  const bool is_control = (code >= 0 && code < 0x20) || (code >= 0x7f && code < 0xa0);
  return is_control && !(code >= '\t' && code <= '\r') && code != 0x85;
}

/// How many bytes at `at` are one space that does not break a line (space, tab, U+00A0, U+2007, U+202F), or one hyphen
/// (U+2010 to U+2015 among them); 0 where there is none.
[[nodiscard]] std::size_t space_at(std::string_view text, std::size_t at) noexcept;
[[nodiscard]] std::size_t hyphen_at(std::string_view text, std::size_t at) noexcept;

/// How many bytes at `at` are what stands between parts of one number, however somebody may write it: at most three
/// runs, and six characters, of spaces, ends of lines, hyphens, dashes, dots, and "_/.,*". So it is for "** **" and " -
/// ". 0 where there is none, or more. Complexity: bounded.
[[nodiscard]] std::size_t gap_at(std::string_view text, std::size_t at) noexcept;

/// Whether one of `keywords` (in lower case) stands in the `reach` bytes before `at`, in any case: what tells a number
/// from others. Complexity: linear in `reach`.
[[nodiscard]] bool is_announced(std::string_view text, std::size_t at, std::string_view keywords,
                                std::size_t reach = 40);

}  // namespace picket::apps::guard
