#include "picket/guardrail/json_text.hpp"

#include <algorithm>
#include <optional>

namespace picket::guardrail {
namespace {

constexpr char32_t replacement = 0xFFFD;

unsigned byte_at(std::string_view text, std::size_t at) noexcept { return static_cast<unsigned char>(text[at]); }

Unit unit_of(std::size_t raw, char32_t code) noexcept {
  const auto put = [](char32_t bits) { return static_cast<char>(static_cast<unsigned char>(bits)); };
  Unit unit{.raw = raw};
  if (code < 0x80) {
    unit.bytes = {put(code)};
    unit.size = 1;
  } else if (code < 0x800) {
    unit.bytes = {put(0xC0 | (code >> 6)), put(0x80 | (code & 0x3F))};
    unit.size = 2;
  } else if (code < 0x10000) {
    unit.bytes = {put(0xE0 | (code >> 12)), put(0x80 | ((code >> 6) & 0x3F)), put(0x80 | (code & 0x3F))};
    unit.size = 3;
  } else {
    unit.bytes = {put(0xF0 | (code >> 18)), put(0x80 | ((code >> 12) & 0x3F)), put(0x80 | ((code >> 6) & 0x3F)),
                  put(0x80 | (code & 0x3F))};
    unit.size = 4;
  }
  return unit;
}

/// The four digits of \uXXXX, from the backslash.
std::optional<char32_t> read_hex(std::string_view raw) noexcept {
  if (raw.size() < 6 || raw[0] != '\\' || raw[1] != 'u') return std::nullopt;
  char32_t code = 0;
  for (const char c : raw.substr(2, 4)) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return std::nullopt;
    code = code * 16 + static_cast<char32_t>(digit);
  }
  return code;
}

Unit read_hex_escape(std::string_view raw) noexcept {
  const auto first = read_hex(raw);
  if (!first) return {};
  if (*first < 0xD800 || *first > 0xDFFF) return unit_of(6, *first);
  const auto second = *first < 0xDC00 ? read_hex(raw.substr(6)) : std::nullopt;
  if (!second || *second < 0xDC00 || *second > 0xDFFF) return unit_of(6, replacement);
  return unit_of(12, 0x10000 + ((*first - 0xD800) << 10) + (*second - 0xDC00));
}

Unit read_escape(std::string_view raw) noexcept {
  if (raw.size() < 2) return {};
  switch (raw[1]) {
    case '"':
    case '\\':
    case '/': return unit_of(2, byte_at(raw, 1));
    case 'b': return unit_of(2, '\b');
    case 'f': return unit_of(2, '\f');
    case 'n': return unit_of(2, '\n');
    case 'r': return unit_of(2, '\r');
    case 't': return unit_of(2, '\t');
    case 'u': return read_hex_escape(raw);
    default: return {};
  }
}

/// A well-formed sequence, or its first byte as one that is none.
Unit read_utf8(std::string_view raw) noexcept {
  const unsigned first = byte_at(raw, 0);
  const std::size_t size = first >= 0xF0 && first <= 0xF4 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
  if (size == 0 || first > 0xF4 || raw.size() < size) return unit_of(1, replacement);
  char32_t code = first & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    const unsigned next = byte_at(raw, i);
    if ((next & 0xC0) != 0x80) return unit_of(1, replacement);
    code = (code << 6) | (next & 0x3F);
  }
  const bool is_overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  const bool is_none = is_overlong || (code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF;
  return is_none ? unit_of(1, replacement) : unit_of(size, code);
}

/// ASCII that stands for itself.
bool is_plain(char c) noexcept { return c >= ' ' && c < 0x7F && c != '"' && c != '\\'; }

}  // namespace

Unit next_unit(std::string_view raw) noexcept {
  const unsigned first = byte_at(raw, 0);
  if (first < 0x20 || first == '"') return {};
  if (first == '\\') return read_escape(raw);
  return first < 0x80 ? unit_of(1, first) : read_utf8(raw);
}

bool decode(std::string_view raw, base::RecycledString& out) {
  while (!raw.empty()) {
    // Most of a text is as it is spelt.
    const auto* const special = std::ranges::find_if_not(raw, is_plain);
    out.append(raw.begin(), special);
    raw.remove_prefix(static_cast<std::size_t>(special - raw.begin()));
    if (raw.empty()) break;
    const Unit unit = next_unit(raw);
    if (unit.raw == 0) return false;
    out.append(unit.bytes.data(), unit.size);
    raw.remove_prefix(unit.raw);
  }
  return true;
}

void write_escaped(std::string_view text, base::Buffer& out) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      out.append("\\u00");
      out.append(digits[byte >> 4]);
      out.append(digits[byte & 0xF]);
    } else {
      if (c == '"' || c == '\\') out.append('\\');
      out.append(c);
    }
  }
}

}  // namespace picket::guardrail
