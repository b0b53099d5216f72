#pragma once

#include <cstdint>

#include "picket/base/error.hpp"

namespace picket::inspection {

/// Why an agent that fails closed stopped an exchange.
enum class Failure : std::uint8_t {
  none,
  timeout,         ///< No answer in time.
  unavailable,     ///< No connection, or it ended.
  protocol_error,  ///< An answer that cannot be understood, or not be honoured.
  overloaded,      ///< As many events wait for it as may.
  body_too_large,  ///< More than the agent looks at.
};

/// How an error that a call ended with shows.
[[nodiscard]] Failure failure_of(base::ErrorKind kind) noexcept;

/// The status that a client gets who is refused for it.
[[nodiscard]] std::uint16_t status_of(Failure failure) noexcept;

}  // namespace picket::inspection
