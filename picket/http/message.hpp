#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "picket/base/headers.hpp"

namespace picket::http {

/// How a message's body is delimited (RFC 9112 §6.3).
enum class Framing : std::uint8_t {
  none,         ///< There is none.
  length,       ///< By Content-Length, which may be 0.
  chunked,      ///< By chunks, the last of which is empty (RFC 9112 §7.1).
  until_close,  ///< By the end of the connection. Responses only.
};

/// A request's head. Header order, names and values are as they came.
///
/// Lifetime: views of the bytes it was parsed from, and of the arena. Thread safety: a value.
struct RequestHead {
  std::string_view method;  ///< In the case it came in: methods differ by case (RFC 9110 §9.1).
  std::string_view target;  ///< Neither decoded nor normalised.
  int version = 11;         ///< 10, 11 or 20
  base::Headers headers;
  Framing framing = Framing::none;
  std::uint64_t content_length = 0;  ///< bytes, with Framing::length
  bool keep_alive = true;            ///< Another message may follow on its connection.
  bool expects_continue = false;     ///< Its body may wait for 100 Continue (RFC 9110 §10.1.1).
  /// It is an extended CONNECT (RFC 8441), written down as the handshake of HTTP/1.1 that it stands for, without a key:
  /// a client that is answered with 2xx speaks WebSocket from there on, so that nothing but a switch may be.
  bool must_switch = false;

  [[nodiscard]] bool has_body() const noexcept {
    return framing == Framing::chunked || (framing == Framing::length && content_length != 0);
  }
  [[nodiscard]] bool is_head() const noexcept { return method == "HEAD"; }
};

/// A response's head; as RequestHead. Its framing depends on what was asked: the answer to a HEAD has no body, whatever
/// its fields declare, nor have 1xx, 204 and 304.
struct ResponseHead {
  std::uint16_t status = 0;
  std::string_view reason;
  int version = 11;
  base::Headers headers;
  Framing framing = Framing::none;
  std::uint64_t content_length = 0;
  bool keep_alive = true;
  /// It declares a body that it must not have (RFC 9112 §6.3): who sent it may send that body too, a moment later, and
  /// a connection that is used meanwhile would take it for its next answer.
  bool stray_body_may_follow = false;
};

/// "HTTP/1.1"; as agents and logs are told.
[[nodiscard]] constexpr std::string_view version_name(int version) noexcept {
  return version == 20 ? "HTTP/2" : version == 11 ? "HTTP/1.1" : "HTTP/1.0";
}

/// Methods that may be repeated without harm (RFC 9110 §9.2.2).
[[nodiscard]] constexpr bool is_idempotent(std::string_view method) noexcept {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" || method == "OPTIONS" ||
         method == "TRACE";
}

}  // namespace picket::http
