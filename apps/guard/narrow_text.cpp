#include "apps/guard/narrow_text.hpp"

namespace picket::apps::guard {
namespace {

constexpr std::size_t wide_size = 3;  // bytes of each of them in UTF-8

/// The character of ASCII for the full-width one at the beginning of `text`; 0 where there is none.
char narrow(std::string_view text) noexcept {
  if (text.size() < wide_size) return '\0';
  const auto byte = [text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  if (byte(0) == 0xe3 && byte(1) == 0x80 && byte(2) == 0x80) return ' ';
  if (byte(0) != 0xef || (byte(2) & 0xc0) != 0x80) return '\0';
  if (byte(1) == 0xbc && byte(2) > 0x80) return static_cast<char>(byte(2) - 0x80 + 0x20);   // U+FF01 to U+FF3F
  if (byte(1) == 0xbd && byte(2) <= 0x9e) return static_cast<char>(byte(2) - 0x80 + 0x60);  // U+FF40 to U+FF5E
  return '\0';
}

bool has_wide(std::string_view text) noexcept {
  for (std::size_t at = text.find_first_of("\xe3\xef"); at != std::string_view::npos;
       at = text.find_first_of("\xe3\xef", at + 1))
    if (narrow(text.substr(at)) != '\0') return true;
  return false;
}

}  // namespace

NarrowText::NarrowText(std::string_view source) : source_(source) {
  if (!has_wide(source)) return;
  narrow_.reserve(source.size());
  sources_.reserve(source.size() + 1);
  for (std::size_t at = 0; at < source.size();) {
    const char ascii = narrow(source.substr(at));
    narrow_ += ascii != '\0' ? ascii : source[at];
    sources_.push_back(static_cast<std::uint32_t>(at));
    at += ascii != '\0' ? wide_size : 1;
  }
  sources_.push_back(static_cast<std::uint32_t>(source.size()));
}

}  // namespace picket::apps::guard
