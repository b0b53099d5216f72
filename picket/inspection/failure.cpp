#include "picket/inspection/failure.hpp"

namespace picket::inspection {

Failure failure_of(base::ErrorKind kind) noexcept {
  switch (kind) {
    case base::ErrorKind::timeout: return Failure::timeout;
    case base::ErrorKind::invalid_message:
    case base::ErrorKind::serialization:
    case base::ErrorKind::message_too_large: return Failure::protocol_error;  // the agent's, not the client's
    default: return Failure::unavailable;
  }
}

std::uint16_t status_of(Failure failure) noexcept {
  switch (failure) {
    case Failure::timeout: return 504;
    case Failure::body_too_large: return 413;
    case Failure::body_undecodable: return 415;
    case Failure::answer_too_large:
    case Failure::answer_undecodable: return 502;
    case Failure::guardrail: return 403;
    default: return 503;
  }
}

}  // namespace picket::inspection
