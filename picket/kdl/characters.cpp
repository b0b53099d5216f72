#include "picket/kdl/characters.hpp"

#include <algorithm>
#include <array>

namespace picket::kdl {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

constexpr std::array spaces{Range{0x09, 0x09},     Range{0x20, 0x20},     Range{0xA0, 0xA0},     Range{0x1680, 0x1680},
                            Range{0x2000, 0x200A}, Range{0x202F, 0x202F}, Range{0x205F, 0x205F}, Range{0x3000, 0x3000}};

constexpr std::array disallowed{Range{0x00, 0x08},     Range{0x0E, 0x1F},     Range{0x7F, 0x7F},
                                Range{0x200E, 0x200F}, Range{0x202A, 0x202E}, Range{0x2066, 0x2069},
                                Range{0xD800, 0xDFFF}, Range{0xFEFF, 0xFEFF}};

constexpr std::array newlines{Range{0x0A, 0x0D}, Range{0x85, 0x85}, Range{0x2028, 0x2029}};

template <std::size_t N>
bool in(const std::array<Range, N>& ranges, char32_t value) noexcept {
  return std::ranges::any_of(ranges, [&](const Range& range) { return value >= range.first && value <= range.last; });
}

}  // namespace

CodePoint decode(std::string_view text, std::size_t at) noexcept {
  if (at >= text.size()) return {};
  const auto byte = [&](std::size_t i) -> unsigned { return static_cast<unsigned char>(text[at + i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::uint8_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() - at < length) return {};
  char32_t value = lead & (0x7FU >> length);
  for (std::uint8_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return {};
    value = value << 6U | (byte(i) & 0x3FU);
  }
  constexpr std::array<char32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
  if (value < smallest[length] || !is_scalar_value(value)) return {};
  return {value, length};
}

void append_utf8(std::string& text, char32_t value) {
  const auto tail = [&](unsigned shift) { text += static_cast<char>(0x80U | (value >> shift & 0x3FU)); };
  if (value < 0x80) {
    text += static_cast<char>(value);
  } else if (value < 0x800) {
    text += static_cast<char>(0xC0U | value >> 6U);
    tail(0);
  } else if (value < 0x10000) {
    text += static_cast<char>(0xE0U | value >> 12U);
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xF0U | value >> 18U);
    tail(12);
    tail(6);
    tail(0);
  }
}

bool is_scalar_value(char32_t value) noexcept { return value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF); }

bool is_space(char32_t value) noexcept { return in(spaces, value); }

std::size_t newline_length(std::string_view text, std::size_t at) noexcept {
  const CodePoint point = decode(text, at);
  if (point.length == 0 || !in(newlines, point.value)) return 0;
  if (point.value == '\r' && text.substr(at).starts_with("\r\n")) return 2;
  return point.length;
}

bool is_disallowed(char32_t value) noexcept { return in(disallowed, value); }

bool is_identifier(char32_t value) noexcept {
  constexpr std::u32string_view reserved = U"\\/(){};[]\"#=";
  return !reserved.contains(value) && !is_space(value) && !in(newlines, value) && !is_disallowed(value);
}

bool is_reserved_word(std::string_view text) noexcept {
  constexpr std::array<std::string_view, 6> words{"true", "false", "null", "inf", "-inf", "nan"};
  return std::ranges::find(words, text) != words.end();
}

bool looks_like_number(std::string_view text) noexcept {
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) text.remove_prefix(1);
  if (!text.empty() && text.front() == '.') text.remove_prefix(1);
  return !text.empty() && is_digit(text.front());
}

bool is_bare_word(std::string_view text) noexcept {
  if (text.empty() || is_reserved_word(text) || looks_like_number(text)) return false;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode(text, at);
    if (point.length == 0 || !is_identifier(point.value)) return false;
    at += point.length;
  }
  return true;
}

}  // namespace picket::kdl
