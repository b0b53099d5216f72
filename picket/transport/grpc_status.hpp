#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "picket/base/headers.hpp"
#include "picket/base/result.hpp"

namespace picket::transport {

/// How a gRPC call ended, by the numbers of gRPC's status codes; those that are said or looked at here. Source: gRPC's
/// doc/statuscodes.md. A peer may say others, too: they are read as numbers.
enum class GrpcStatus : std::uint8_t {
  ok = 0,
  cancelled = 1,
  invalid_argument = 3,
  not_found = 5,
  resource_exhausted = 8,
  failed_precondition = 9,
  unimplemented = 12,
  unavailable = 14,
};

/// The reason that a peer gives in its trailers (grpc-status, grpc-message), as an error of this connection. Pure.
/// Errors: connection_closed for ok, cancelled and unavailable, which say that the agent or its stream ends;
/// connection_failed for all others. The peer's words are in the detail, as far as they may stand in a log.
[[nodiscard]] base::Error grpc_error(base::Headers trailers);

/// An error as a status. Pure. `ok` stands for connection_closed: the stream has ended, and nothing is wrong with it.
[[nodiscard]] GrpcStatus grpc_status(base::ErrorKind kind) noexcept;

/// Text as grpc-message has it: bytes that are no printable ASCII, and '%', as %XX. Pure. Source: gRPC over HTTP/2,
/// "Percent-Encoded".
[[nodiscard]] std::string grpc_message(std::string_view text);

}  // namespace picket::transport
