#include "apps/waf/unicode_text.hpp"

namespace picket::apps::waf {
namespace {

struct CodeUnits {
  std::size_t size = 1;  // bytes
  bool big_endian = false;
  std::size_t mark = 0;  // bytes of the byte order mark
};

CodeUnits code_units_of(std::string_view text) {
  using std::string_view_literals::operator""sv;
  constexpr struct {
    std::string_view beginning;
    CodeUnits units;
  } marks[] = {{"\x00\x00\xfe\xff"sv, {4, true, 4}},
               {"\xff\xfe\x00\x00"sv, {4, false, 4}},
               {"\xfe\xff"sv, {2, true, 2}},
               {"\xff\xfe"sv, {2, false, 2}},
               {"\xef\xbb\xbf"sv, {1, false, 3}},
               {"\x00\x00\x00"sv, {4, true, 0}},
               {"\x00"sv, {2, true, 0}}};
  for (const auto& [beginning, units] : marks)
    if (text.starts_with(beginning)) return units;
  if (text.size() >= 4 && text.substr(1, 3) == "\0\0\0"sv) return {4, false, 0};
  if (text.size() >= 2 && text[1] == '\0') return {2, false, 0};
  return {};
}

std::uint32_t unit_at(std::string_view text, const CodeUnits& units) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < units.size; ++i) {
    const auto byte = static_cast<unsigned char>(text[units.big_endian ? i : units.size - 1 - i]);
    value = (value << 8) | byte;
  }
  return value;
}

}  // namespace

void append_utf8(std::string& to, std::uint32_t code) {
  const auto byte = [&to](std::uint32_t value) { to += static_cast<char>(value); };
  const auto rest = [&](int shift) { byte(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) {
    byte(0xc0 | (code >> 6));
    return rest(0);
  }
  if (code < 0x10000) {
    byte(0xe0 | (code >> 12));
  } else {
    byte(0xf0 | ((code >> 18) & 7));
    rest(12);
  }
  rest(6);
  rest(0);
}

std::string as_utf8(std::string_view text) {
  const CodeUnits units = code_units_of(text);
  text.remove_prefix(units.mark);
  if (units.size == 1) return std::string(text);
  std::string result;
  for (; text.size() >= units.size; text.remove_prefix(units.size)) {
    std::uint32_t code = unit_at(text, units);
    const bool pair = units.size == 2 && code >= 0xd800 && code < 0xdc00 && text.size() >= 4;
    if (pair) {
      text.remove_prefix(2);
      code = 0x10000 + ((code - 0xd800) << 10) + ((unit_at(text, units) - 0xdc00) & 0x3ff);
    }
    append_utf8(result, code);
  }
  return result;
}

}  // namespace picket::apps::waf
