#pragma once

#include <cstdint>

#include "apps/gateway/exchange/message_start.hpp"
#include "picket/http/message.hpp"

namespace picket::apps::gateway::exchange {

/// RFC 9110 §15.3.5, §15.3.6, §15.4.5. Pure.
[[nodiscard]] constexpr bool has_content(std::uint16_t status) noexcept {
  return status != 204 && status != 205 && status != 304;
}

/// As far as an upstream has said how long its answer's body is. Pure.
[[nodiscard]] constexpr BodyLength length_of(const http::ResponseHead& response) noexcept {
  switch (response.framing) {
    case http::Framing::none: return {};
    case http::Framing::length: return BodyLength::of(response.content_length);
    case http::Framing::chunked:
    case http::Framing::until_close: return {.kind = BodyLength::Kind::unknown};
  }
  return {};
}

}  // namespace picket::apps::gateway::exchange
