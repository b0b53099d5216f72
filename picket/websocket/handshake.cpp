#include "picket/websocket/handshake.hpp"

#include <algorithm>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "picket/base/ascii.hpp"

namespace picket::websocket {
namespace {

/// Base64 with its padding.
std::string encoded(std::span<const std::uint8_t> bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // and the zero behind it
  auto* const out = reinterpret_cast<unsigned char*>(text.data());
  text.resize(static_cast<std::size_t>(EVP_EncodeBlock(out, bytes.data(), static_cast<int>(bytes.size()))));
  return text;
}

}  // namespace

std::string key_of(const std::array<std::uint8_t, 16>& nonce) { return encoded(nonce); }

bool is_key(std::string_view text) noexcept {
  constexpr std::size_t digits = 22;  // the last of which has two bits of the last byte
  constexpr auto is_digit = [](char c) {
    const char letter = base::lower(c);
    return (letter >= 'a' && letter <= 'z') || base::is_digit(c) || c == '+' || c == '/';
  };
  return text.size() == digits + 2 && text.ends_with("==") && std::ranges::all_of(text.substr(0, digits), is_digit);
}

std::string accept_of(std::string_view key) {
  std::string joined{key};
  joined += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<std::uint8_t, SHA_DIGEST_LENGTH> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(joined.data()), joined.size(), digest.data());
  return encoded(digest);
}

}  // namespace picket::websocket
