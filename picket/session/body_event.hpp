#pragma once

#include <cstddef>

#include "picket/session/agent_info.hpp"

namespace picket::session {

/// Bytes of a body that fit into one event to this agent in every encoding: base64 makes four of three, and the rest of
/// the event stands beside them. Units: bytes of the body, before any encoding: a little under 12 MiB, and under 3 MiB
/// to an agent on gRPC that takes none of our extensions.
[[nodiscard]] inline std::size_t largest_body_event(const AgentInfo& agent) noexcept {
  return agent.largest_event / 4 * 3 - 1024;
}

/// Whether the agent judges each event by itself, as those of the reference do, whose proxy sends a body in one: what
/// lies across a cut would be seen by nobody. Whole bodies are held for such an agent then, up to its
/// limits.max_body_size and what one event carries.
[[nodiscard]] inline bool judges_events_alone(const AgentInfo& agent) noexcept {
  return !agent.extended && !agent.features.streaming_body;
}

}  // namespace picket::session
