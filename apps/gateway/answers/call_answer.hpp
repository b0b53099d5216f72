#pragma once

#include <cstdint>
#include <string>

#include "picket/base/headers.hpp"
#include "picket/inspection/answer.hpp"

/// What clients of gRPC are told by a gateway that does not speak it. Pure.
namespace picket::apps::gateway::answers {

/// Whether a request with such a head is a call of gRPC: `content-type: application/grpc`, `application/grpc+proto`, ….
[[nodiscard]] bool is_grpc(const base::Headers& request) noexcept;

/// The status of gRPC that an HTTP status stands for, as gRPC's own clients read it (http-grpc-status-mapping.md).
[[nodiscard]] std::uint8_t grpc_status_of(std::uint16_t http_status) noexcept;

/// Makes an answer of HTTP one that ends a call: status 200, `grpc-status` and `grpc-message` in its head, and no body.
/// The message is the body where that is short plain text, else the status's phrase. Lifetime: views of the arena.
void make_grpc(inspection::Answer& answer, base::Arena& arena);

}  // namespace picket::apps::gateway::answers
