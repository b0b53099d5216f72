#include "picket/wire/internal/base64.hpp"

#include <array>
#include <cstdint>
#include <cstring>

#include "picket/wire/internal/base64_avx2.hpp"

namespace picket::wire::internal {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint32_t invalid = 0xFF000000;

/// Two characters for every 12 bits.
constexpr auto pairs = [] {
  std::array<std::array<char, 2>, 4096> table{};
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = {alphabet[i >> 6], alphabet[i & 63]};
  return table;
}();

/// For each of the four places the value of a character, shifted to where it belongs; `invalid` for one that is not of
/// the alphabet.
constexpr auto values = [] {
  std::array<std::array<std::uint32_t, 256>, 4> table{};
  for (auto& place : table) place.fill(invalid);
  for (std::uint32_t value = 0; value < alphabet.size(); ++value)
    for (std::size_t place = 0; place < 4; ++place)
      table[place][static_cast<unsigned char>(alphabet[value])] = value << (18 - 6 * place);
  return table;
}();

constexpr std::uint32_t value_at(std::string_view text, std::size_t i) noexcept {
  return values[i % 4][static_cast<unsigned char>(text[i])];
}

}  // namespace

void encode_base64_portable(base::ByteView data, char* out) noexcept {
  const auto byte = [&](std::size_t i) { return std::to_integer<std::uint32_t>(data[i]); };
  std::size_t i = 0;
  for (; i + 3 <= data.size(); i += 3, out += 4) {
    const std::uint32_t bits = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    std::memcpy(out, pairs[bits >> 12].data(), 2);
    std::memcpy(out + 2, pairs[bits & 0xFFF].data(), 2);
  }
  if (data.size() - i == 1) {
    std::memcpy(out, pairs[byte(i) << 4].data(), 2);
    out[2] = out[3] = '=';
  } else if (data.size() - i == 2) {
    const std::uint32_t bits = byte(i) << 16 | byte(i + 1) << 8;
    std::memcpy(out, pairs[bits >> 12].data(), 2);
    out[2] = alphabet[bits >> 6 & 63];
    out[3] = '=';
  }
}

void encode_base64(base::ByteView data, char* out) noexcept {
#if defined(PICKET_HAS_AVX2)
  if (has_avx2()) {
    const auto* const bytes = reinterpret_cast<const unsigned char*>(data.data());
    const std::size_t done = encode_base64_avx2(bytes, data.size(), out);
    return encode_base64_portable(data.subspan(done), out + done / 3 * 4);
  }
#endif
  encode_base64_portable(data, out);
}

bool decode_base64_portable(std::string_view text, unsigned char* out, std::size_t& size) noexcept {
  if (text.size() % 4 != 0) return false;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  size = text.size() / 4 * 3 - padding;
  const std::size_t whole = padding == 0 ? text.size() : text.size() - 4;
  std::uint32_t seen = 0;
  for (std::size_t i = 0; i < whole; i += 4) {
    const std::uint32_t bits =
        value_at(text, i) | value_at(text, i + 1) | value_at(text, i + 2) | value_at(text, i + 3);
    seen |= bits;
    *out++ = static_cast<unsigned char>(bits >> 16);
    *out++ = static_cast<unsigned char>(bits >> 8);
    *out++ = static_cast<unsigned char>(bits);
  }
  if (padding != 0) {
    const std::uint32_t third = padding == 1 ? value_at(text, whole + 2) : 0;
    const std::uint32_t bits = value_at(text, whole) | value_at(text, whole + 1) | third;
    seen |= bits;
    // Bits behind the last byte must be zero: two texts for the same bytes would let a filter see one and a reader the
    // other.
    if ((bits & (padding == 1 ? 0xFF : 0xFFFF)) != 0) return false;
    *out++ = static_cast<unsigned char>(bits >> 16);
    if (padding == 1) *out++ = static_cast<unsigned char>(bits >> 8);
  }
  return (seen & invalid) == 0;
}

bool decode_base64(std::string_view text, unsigned char* out, std::size_t& size) noexcept {
#if defined(PICKET_HAS_AVX2)
  if (text.size() >= 32 && has_avx2()) {
    const std::size_t done = decode_base64_avx2(text.data(), text.size(), out);
    std::size_t rest = 0;
    const bool ok = decode_base64_portable(text.substr(done), out + done / 4 * 3, rest);
    size = done / 4 * 3 + rest;
    return ok;
  }
#endif
  return decode_base64_portable(text, out, size);
}

bool decode_base64(std::string_view text, base::Arena& arena, base::ByteView& data) {
  auto* const out = static_cast<unsigned char*>(arena.allocate(decoded_base64_bound(text.size()) + base64_slack, 1));
  std::size_t size = 0;
  if (!decode_base64(text, out, size)) return false;
  data = {reinterpret_cast<const std::byte*>(out), size};
  return true;
}

}  // namespace picket::wire::internal
