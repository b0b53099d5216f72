#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "picket/base/error.hpp"
#include "picket/http/message.hpp"

namespace picket::apps::gateway::websocket {

/// The field that offers and takes what changes frames (RFC 6455 §9).
inline constexpr std::string_view extensions_field = "sec-websocket-extensions";

/// One request's handshake, by which it becomes a WebSocket: an upgrade of HTTP/1.1 (RFC 6455 §4), or an extended
/// CONNECT (RFC 8441).
///
/// Thread safety: a value's. Lifetime: the request's head outlives it.
class Handshake {
 public:
  explicit Handshake(const http::RequestHead& request) noexcept : request_(request) {}

  /// Whether the request is one. Of no other protocol: what an upstream would read behind a switch to h2c is requests
  /// that nobody has looked at.
  [[nodiscard]] bool is_asked_for() const noexcept;

  /// The key that an upstream of HTTP/1.1 is asked with for a client that has none, as of an extended CONNECT; empty
  /// where the client's own goes on. Lifetime: this handshake's.
  [[nodiscard]] std::string_view key();

  /// What is wrong with the upstream's answer, if anything. Who only asked for a switch if there may be one takes any
  /// other; and where nobody looks at frames, looks at the switch itself. Errors: invalid_message.
  [[nodiscard]] std::optional<base::Error> wrong_with(const http::ResponseHead& answer, bool is_inspected);

 private:
  const http::RequestHead& request_;
  std::string key_;  // ours, once an upstream is asked
};

}  // namespace picket::apps::gateway::websocket
