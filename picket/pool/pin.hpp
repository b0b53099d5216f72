#pragma once

#include <cstdint>

namespace picket::pool {

class AgentConnection;

/// A connection of an agent as it was when somebody took it. One that has ended and come back is another: its agent
/// knows nothing of what was said before.
///
/// Thread safety: the worker's. Lifetime: a value. now() follows it, while the agent lives; a comparison never does.
struct Pin {
  AgentConnection* connection = nullptr;
  std::uint64_t epoch = 0;  ///< AgentConnection::epoch() as it was.

  /// The connection while it is still that one, and open; else null.
  [[nodiscard]] AgentConnection* now() const noexcept;
  friend bool operator==(const Pin&, const Pin&) = default;
};

}  // namespace picket::pool
