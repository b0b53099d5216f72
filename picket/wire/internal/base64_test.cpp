#include "picket/wire/internal/base64.hpp"

#include <memory>
#include <optional>
#include <random>
#include <string>

#include <gtest/gtest.h>

/// Both ways of doing it, by registers and by tables, are held to a third: RFC 4648 §4 bit by bit.
namespace picket::wire::internal {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t longest = 200;  // some blocks of registers, and each length of what is left

std::string encoded_by_bits(std::string_view data) {
  std::string text;
  for (std::size_t bit = 0; bit < data.size() * 8; bit += 6) {
    std::size_t value = 0;
    for (std::size_t i = bit; i < bit + 6; ++i) {
      const bool is_set = i / 8 < data.size() && (data[i / 8] >> (7 - i % 8) & 1) != 0;
      value = value << 1 | (is_set ? 1 : 0);
    }
    text += alphabet[value];
  }
  while (text.size() % 4 != 0) text += '=';
  return text;
}

/// What a text stands for: bytes that are written as it, and as nothing else.
std::optional<std::string> decoded_by_bits(std::string_view text) {
  std::string data;
  unsigned bits = 0;
  unsigned held = 0;
  for (const char c : text.substr(0, text.find('='))) {
    const std::size_t value = alphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = (bits << 6 | static_cast<unsigned>(value)) & 0xFFFF;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    data += static_cast<char>(bits >> held);
  }
  return encoded_by_bits(data) == text ? std::optional{data} : std::nullopt;
}

std::string random_bytes(std::size_t size, std::mt19937& random) {
  std::string data(size, '\0');
  for (char& byte : data) byte = static_cast<char>(random());
  return data;
}

using Encode = void (*)(base::ByteView, char*) noexcept;
using Decode = bool (*)(std::string_view, unsigned char*, std::size_t&) noexcept;
constexpr Encode encoders[] = {encode_base64, encode_base64_portable};
constexpr Decode decoders[] = {decode_base64, decode_base64_portable};

/// The memory is exactly as large as is promised to be enough, so that a sanitizer sees who goes beyond it.
std::string encoded(Encode encode, std::string_view data) {
  const auto bytes = std::make_unique<char[]>(data.size());
  data.copy(bytes.get(), data.size());
  const auto text = std::make_unique<char[]>(base64_size(data.size()));
  encode(base::as_bytes({bytes.get(), data.size()}), text.get());
  return {text.get(), base64_size(data.size())};
}
std::optional<std::string> decoded(Decode decode, std::string_view text) {
  const auto characters = std::make_unique<char[]>(text.size());
  text.copy(characters.get(), text.size());
  const auto bytes = std::make_unique<unsigned char[]>(decoded_base64_bound(text.size()) + base64_slack);
  std::size_t size = 0;
  if (!decode({characters.get(), text.size()}, bytes.get(), size)) return std::nullopt;
  return std::string{reinterpret_cast<const char*>(bytes.get()), size};
}

void expect_decoded_alike(std::string_view text) {
  const auto expected = decoded_by_bits(text);
  for (const Decode decode : decoders) ASSERT_EQ(decoded(decode, text), expected) << text;
}

TEST(Base64, BytesOfEachLengthAreWrittenAndReadAlike) {
  std::mt19937 random{1};
  for (std::size_t size = 0; size <= longest; ++size)
    for (int i = 0; i < 20; ++i) {
      const std::string data = random_bytes(size, random);
      const std::string text = encoded_by_bits(data);
      for (const Encode encode : encoders) ASSERT_EQ(encoded(encode, data), text) << size;
      for (const Decode decode : decoders) ASSERT_EQ(decoded(decode, text), data) << size;
    }
}

TEST(Base64, EachByteAtEachPlaceIsReadAlikeOrRefused) {
  std::mt19937 random{2};
  // With a block of registers in front of it, and without; with each padding.
  for (const std::size_t size : {1, 2, 3, 22, 23, 24, 25, 26, 27, 48, 70, 71, 72, 73}) {
    const std::string text = encoded_by_bits(random_bytes(size, random));
    for (std::size_t at = 0; at < text.size(); ++at)
      for (int byte = 0; byte < 256; ++byte) {
        std::string changed = text;
        changed[at] = static_cast<char>(byte);
        expect_decoded_alike(changed);
      }
  }
}

TEST(Base64, ATextThatIsCutOrPaddedOtherwiseIsRefused) {
  std::mt19937 random{3};
  for (const std::size_t size : {0, 1, 2, 3, 24, 25, 26, 60, 61, 62}) {
    const std::string text = encoded_by_bits(random_bytes(size, random));
    for (std::size_t cut = 0; cut <= text.size(); ++cut) expect_decoded_alike(text.substr(0, cut));
    for (const std::string_view more : {"=", "==", "===", "====", "A===", "A", " ", "\n", "\r\n", "AA==", "AAA="}) {
      expect_decoded_alike(text + std::string{more});
      expect_decoded_alike(std::string{more} + text);
    }
  }
}

TEST(Base64, BitsBehindTheLastByteMustBeZero) {
  int accepted = 0;
  for (const std::string_view front : {"", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})
    for (const std::string_view padding : {"=", "=="})
      for (const char last : alphabet) {
        const std::string text = std::string{front} + (padding.size() == 1 ? "AA" : "A") + last + std::string{padding};
        expect_decoded_alike(text);
        accepted += decoded(decode_base64, text) ? 1 : 0;
      }
  EXPECT_EQ(accepted, 2 * (16 + 4)) << "two bits, or four, are none of a byte's";
}

TEST(Base64, DamagedTextsOfEachLengthAreReadAlikeOrRefused) {
  std::mt19937 random{4};
  constexpr std::string_view likely = "A/+=- \n_z9\x80";
  for (std::size_t size = 1; size <= longest; ++size)
    for (int i = 0; i < 20; ++i) {
      std::string text = encoded_by_bits(random_bytes(size, random));
      for (std::size_t damages = 1 + random() % 3; damages != 0; --damages)
        text[random() % text.size()] = likely[random() % likely.size()];
      expect_decoded_alike(text);
    }
}

}  // namespace
}  // namespace picket::wire::internal
