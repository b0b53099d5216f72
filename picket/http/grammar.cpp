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

}  // namespace

bool is_token(std::string_view text) noexcept {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return token_characters[static_cast<unsigned char>(c)]; });
}

bool is_field_value(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
  });
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
