#include "picket/http/grammar.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace picket::http {
namespace {

constexpr auto token_characters = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view{"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"})
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

/// Eight bytes that are looked at at once.
using Word = std::uint64_t;

constexpr Word each(std::uint8_t byte) noexcept { return ~Word{0} / 0xFF * byte; }

/// Whether any byte is below 0x20 or is 0x7F: the well-known carries of a subtraction, exact for the whole word.
bool has_control(Word word) noexcept {
  const Word is_delete = word ^ each(0x7F);
  return ((((word - each(0x20)) & ~word) | ((is_delete - each(1)) & ~is_delete)) & each(0x80)) != 0;
}

bool are_value_bytes(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
  });
}

/// Of the word at `at`; a word with a tab is looked at byte by byte.
bool is_value_word(std::string_view text, std::size_t at) noexcept {
  Word word = 0;
  std::memcpy(&word, text.data() + at, sizeof word);
  return !has_control(word) || are_value_bytes(text.substr(at, sizeof word));
}

}  // namespace

std::size_t token_size(std::string_view text) noexcept {
  std::size_t size = 0;
  while (size < text.size() && token_characters[static_cast<unsigned char>(text[size])]) ++size;
  return size;
}

bool is_field_value(std::string_view text) noexcept {
  if (text.size() < sizeof(Word)) return are_value_bytes(text);
  const std::size_t last = text.size() - sizeof(Word);  // the last word overlaps the one before
  for (std::size_t at = 0; at < last; at += sizeof(Word))
    if (!is_value_word(text, at)) return false;
  return is_value_word(text, last);
}

HeadEnd find_head_end(std::string_view bytes, std::size_t checked, const HeadLimits& limits) noexcept {
  // A line may have been cut between CR and LF: three bytes back are looked at again.
  std::size_t at = checked < 3 ? 0 : checked - 3;
  while (true) {
    const auto* const found =
        at < bytes.size() ? static_cast<const char*>(std::memchr(bytes.data() + at, '\n', bytes.size() - at)) : nullptr;
    if (found == nullptr) break;
    const auto newline = static_cast<std::size_t>(found - bytes.data());
    if (newline == 0 || bytes[newline - 1] != '\r') return {{}, HeadError{400, "a line that ends in a bare LF"}};
    if (newline + 1 > limits.max_size) break;
    if (newline >= 3 && bytes[newline - 2] == '\n') return {newline + 1, {}};
    if (newline == 1) return {{}, HeadError{400, "an empty line where a request should begin"}};
    at = newline + 1;
  }
  if (bytes.size() >= limits.max_size) return {{}, HeadError{431, "the head is larger than the limit"}};
  return {};
}

}  // namespace picket::http
