#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "picket/base/arena.hpp"
#include "picket/base/limits.hpp"
#include "picket/wire/messages.hpp"

namespace picket::session {

/// What an agent says of itself in the handshake, owned. A value. It is the agent's word, and unchecked: texts may hold
/// any bytes, and are for logs only through quote.hpp.
struct AgentInfo {
  std::string agent_id;
  std::string name;
  std::string version;
  std::vector<wire::EventKind> events{wire::EventKind::request_headers};
  wire::Features features;
  wire::Limits limits;
  std::optional<wire::HealthConfig> health;  ///< How often it says how it is; gRPC only.
  bool extended = false;  ///< It agreed to an extension of protocol.md §3: one that means what it declares.
  /// Bytes of the largest event that it is sent, as the connection carries it.
  std::size_t largest_event = base::limits::max_frame_length;

  /// Whether `events` names the kind.
  [[nodiscard]] bool wants(wire::EventKind kind) const noexcept;
};

/// Reads capabilities: unknown event numbers are skipped, 8 is configure too, none means request_headers (protocol.md
/// §3).
[[nodiscard]] AgentInfo agent_info(const wire::Capabilities& capabilities);

/// Capabilities for the wire; they borrow `info` and `arena`. Both outlive what is returned.
[[nodiscard]] wire::Capabilities capabilities(const AgentInfo& info, base::Arena& arena);

}  // namespace picket::session
