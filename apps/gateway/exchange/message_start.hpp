#pragma once

#include <cstdint>
#include <string_view>

#include "picket/http/fields.hpp"

namespace picket::apps::gateway::exchange {

/// How long a body is, as far as it is known when its head is written. What that is on the wire is for each side to
/// say.
struct BodyLength {
  enum class Kind : std::uint8_t { none, known, unknown };
  Kind kind = Kind::none;
  std::uint64_t bytes = 0;  ///< Where known.

  [[nodiscard]] static BodyLength of(std::uint64_t bytes) noexcept { return {Kind::known, bytes}; }
};

/// The head of an answer as it goes to a client. Views; of no use after begin().
struct AnswerStart {
  std::uint16_t status = 200;
  std::string_view reason;  ///< Empty: the standard phrase.
  const http::FieldList& fields;
  BodyLength length;
  bool is_last_of_connection = false;  ///< No other request is taken.
  std::string_view upgrade = {};       ///< Of a 101: the protocol that is spoken from here on.
};

/// The head of a request as it goes to an upstream; as AnswerStart.
struct RequestStart {
  std::string_view method;
  std::string_view target;
  const http::FieldList& fields;
  BodyLength length;
  bool wants_trailers = false;    ///< Of the answer.
  bool waits_for_100 = false;     ///< The body follows once the upstream says so.
  std::string_view upgrade = {};  ///< The protocol that it asks to switch to; empty: none.
};

/// Why one exchange's part of a connection ends early. HTTP/1.1 can only close.
enum class ResetCode : std::uint8_t {
  cancelled,  ///< Nobody wants the rest (RFC 9113 §7: CANCEL).
  broken,     ///< There is no rest to be had (INTERNAL_ERROR).
};

}  // namespace picket::apps::gateway::exchange
