#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace picket::websocket {

/// Sec-WebSocket-Key of 16 bytes that nobody can guess (RFC 6455 §4.1). Pure.
[[nodiscard]] std::string key_of(const std::array<std::uint8_t, 16>& nonce);

/// Whether it is one that a client may send: 16 bytes as base64 (§4.2.1). Pure.
[[nodiscard]] bool is_key(std::string_view text) noexcept;

/// Sec-WebSocket-Accept that answers a key (§4.2.2). Pure.
[[nodiscard]] std::string accept_of(std::string_view key);

}  // namespace picket::websocket
