#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "apps/gateway/http/fields.hpp"
#include "picket/base/arena.hpp"
#include "picket/base/result.hpp"
#include "picket/wire/messages.hpp"

namespace picket::apps::gateway::inspection {

/// Why the gateway answers by itself, as the client sees it in `x-picket-reason`. No agent names, no addresses.
enum class Reason : std::uint8_t {
  none,
  agent_timeout,
  agent_unavailable,
  agent_protocol_error,
  body_too_large,
  bad_request,
  upstream_error,
  overloaded,
};
inline constexpr std::size_t reason_count = 8;
[[nodiscard]] std::string_view name(Reason reason) noexcept;

/// A whole answer that does not come from the upstream. Views live as long as the arena it was made in.
struct Answer {
  std::uint16_t status = 503;
  http::FieldList fields;
  std::string_view body;
  Reason reason = Reason::none;
};

/// Whether a response of an agent can be applied at all: header names and values, header operations that touch framing
/// or hop-by-hop fields, statuses outside 200-599, redirect URLs with control characters (protocol.md §5). An agent
/// whose response cannot be applied has failed.
[[nodiscard]] base::Status check(const wire::AgentResponse& response);

/// The client's answer to a decision that is not allow: a block's status, body and headers; Location; or the challenge.
/// Nothing for allow.
[[nodiscard]] std::optional<Answer> answer_for(const wire::Decision& decision, base::Arena& arena);

/// The client's answer when the gateway itself has to say no.
[[nodiscard]] Answer answer_for(Reason reason, std::uint16_t status, base::Arena& arena);

/// How a failed agent shows: its reason, and the status a fail-closed agent's client gets.
struct Failure {
  Reason reason;
  std::uint16_t status;
};
[[nodiscard]] Failure failure_of(base::ErrorKind kind) noexcept;

}  // namespace picket::apps::gateway::inspection
