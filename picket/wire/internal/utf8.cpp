#include "picket/wire/internal/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace picket::wire::internal {
namespace {

constexpr std::uint64_t high_bits = 0x8080808080808080ULL;

constexpr bool in(unsigned char byte, unsigned char from, unsigned char to) noexcept {
  return byte >= from && byte <= to;
}

}  // namespace

bool is_ascii(std::string_view text) noexcept {
  const char* at = text.data();
  std::size_t left = text.size();
  std::uint64_t seen = 0;
  for (; left >= 32; left -= 32, at += 32) {
    std::uint64_t words[4];
    std::memcpy(words, at, 32);
    if (((words[0] | words[1] | words[2] | words[3]) & high_bits) != 0) return false;
  }
  for (; left >= 8; left -= 8, at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    seen |= word;
  }
  for (; left != 0; --left, ++at) seen |= static_cast<unsigned char>(*at);
  return (seen & high_bits) == 0;
}

std::size_t utf8_sequence(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const auto continues = [&](std::size_t i) { return i < text.size() && in(byte(i), 0x80, 0xBF); };
  if (in(first, 0xC2, 0xDF)) return continues(1) ? 2 : 0;
  if (in(first, 0xE0, 0xEF)) {
    const unsigned char lowest = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned char highest = first == 0xED ? 0x9F : 0xBF;
    return text.size() > 2 && in(byte(1), lowest, highest) && continues(2) ? 3 : 0;
  }
  if (in(first, 0xF0, 0xF4)) {
    const unsigned char lowest = first == 0xF0 ? 0x90 : 0x80;
    const unsigned char highest = first == 0xF4 ? 0x8F : 0xBF;
    return text.size() > 3 && in(byte(1), lowest, highest) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

bool is_utf8(std::string_view text) noexcept {
  if (is_ascii(text)) return true;
  while (!text.empty()) {
    const std::size_t size = utf8_sequence(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

char* write_utf8(char* out, char32_t code_point) noexcept {
  const auto put = [&](char32_t byte) { *out++ = static_cast<char>(byte); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | code_point >> 6);
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 0x3F));
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
  return out;
}

}  // namespace picket::wire::internal
