#pragma once

#include <cstdint>

#include "picket/base/error.hpp"

namespace picket::inspection {

/// Why an agent that fails closed stopped an exchange. The client sees a status of it (status_of), and no more. Thread
/// safety: a value. Not the same as an agent's decision: that one is an Answer.
enum class Failure : std::uint8_t {
  none,
  timeout,             ///< No answer in time.
  unavailable,         ///< No connection, or it ended.
  protocol_error,      ///< An answer that cannot be understood, or not be honoured.
  overloaded,          ///< As many events wait for it as may.
  body_too_large,      ///< More than the agent looks at.
  answer_too_large,    ///< The same of a response's body.
  body_undecodable,    ///< A body that is not what its content coding says, or in one that nobody here knows.
  answer_undecodable,  ///< The same of a response's body.
  guardrail,           ///< No failure: what an agent found is not to pass, says the route.
};

/// How an error that a call ended with shows. What says nothing more exact is `unavailable`, and a message that is too
/// large is the agent's failure, not the client's. Thread safety: pure. An agent that is paused, or whose breaker is
/// open, is `unavailable`, too.
[[nodiscard]] Failure failure_of(base::ErrorKind kind) noexcept;

/// The status that a client gets who is refused for it: 504 for a time-out, 413 for a body that is too large, 415 for
/// one that cannot be decoded, 502 for an answer of that kind, 403 for what is not to pass, else 503 (RFC 9110 §15).
/// Thread safety: pure.
[[nodiscard]] std::uint16_t status_of(Failure failure) noexcept;

}  // namespace picket::inspection
