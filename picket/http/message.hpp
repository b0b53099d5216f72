#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "picket/base/headers.hpp"

namespace picket::http {

/// How a message's body is delimited.
enum class Framing : std::uint8_t { none, length, chunked, until_close };

/// A request's head; views of the bytes it was parsed from. Header order, names and values are as they came.
struct RequestHead {
  std::string_view method;
  std::string_view target;
  int version = 11;  ///< 10 or 11
  base::Headers headers;
  Framing framing = Framing::none;
  std::uint64_t content_length = 0;  ///< bytes, with Framing::length
  bool keep_alive = true;
  bool expects_continue = false;

  [[nodiscard]] bool has_body() const noexcept {
    return framing == Framing::chunked || (framing == Framing::length && content_length != 0);
  }
  [[nodiscard]] bool is_head() const noexcept { return method == "HEAD"; }
};

/// A response's head; as RequestHead.
struct ResponseHead {
  std::uint16_t status = 0;
  std::string_view reason;
  int version = 11;
  base::Headers headers;
  Framing framing = Framing::none;
  std::uint64_t content_length = 0;
  bool keep_alive = true;
  /// It declares a body that it must not have: who sent it may send that body too, a moment later, and a connection
  /// that is used meanwhile would take it for its next answer.
  bool stray_body_may_follow = false;
};

/// Methods that may be repeated without harm (RFC 9110 §9.2.2).
[[nodiscard]] constexpr bool is_idempotent(std::string_view method) noexcept {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" || method == "OPTIONS" ||
         method == "TRACE";
}

}  // namespace picket::http
