#pragma once

#include <cstddef>

#include "picket/base/limits.hpp"
#include "picket/session/agent_info.hpp"

namespace picket::session {

/// Bytes of a body that fit into one event in every encoding: base64 makes four of three, and the rest of the event
/// stands beside them in the frame. Units: bytes of the body, before any encoding: a little under 12 MiB.
inline constexpr std::size_t largest_body_event = base::limits::max_frame_length / 4 * 3 - 1024;

/// Whether the agent judges each event by itself, as those of the reference do, whose proxy sends a body in one: what
/// lies across a cut would be seen by nobody. Whole bodies are held for such an agent then, up to its
/// limits.max_body_size.
[[nodiscard]] inline bool judges_events_alone(const AgentInfo& agent) noexcept {
  return !agent.extended && !agent.features.streaming_body;
}

}  // namespace picket::session
