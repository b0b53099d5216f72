#include "picket/websocket/utf8_check.hpp"

#include <cstring>

namespace picket::websocket {
namespace {

/// How many bytes at the front are ASCII, as far as whole words tell.
std::size_t ascii_words(std::string_view text) noexcept {
  std::size_t at = 0;
  for (std::uint64_t word = 0; at + sizeof word <= text.size(); at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if ((word & 0x8080808080808080U) != 0) break;
  }
  return at;
}

}  // namespace

bool Utf8Check::feed(std::string_view piece) noexcept {
  while (!piece.empty()) {
    if (missing_ == 0) piece.remove_prefix(ascii_words(piece));
    if (piece.empty()) break;
    const auto byte = static_cast<std::uint8_t>(piece.front());
    piece.remove_prefix(1);
    if (missing_ == 0) {
      if (!begin(byte)) return false;
      continue;
    }
    if (byte < least_ || byte > most_) return false;
    --missing_;
    least_ = 0x80;
    most_ = 0xBF;
  }
  return true;
}

/// No overlong forms, no surrogates, nothing above U+10FFFF.
bool Utf8Check::begin(std::uint8_t byte) noexcept {
  if (byte < 0x80) return true;
  if (byte < 0xC2 || byte > 0xF4) return false;
  missing_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
  if (byte == 0xE0) least_ = 0xA0;
  if (byte == 0xED) most_ = 0x9F;
  if (byte == 0xF0) least_ = 0x90;
  if (byte == 0xF4) most_ = 0x8F;
  return true;
}

}  // namespace picket::websocket
