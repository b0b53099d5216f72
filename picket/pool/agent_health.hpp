#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "picket/base/error.hpp"
#include "picket/base/time.hpp"
#include "picket/pool/breaker.hpp"
#include "picket/wire/messages.hpp"

namespace picket::pool {

/// How an agent is, as one worker sees it at one moment: of a process with several the caller adds up what may be
/// added. AgentPool::stats() and health() give it.
///
/// Thread safety: a value, which another thread may read once it is handed over. Lifetime: refers to nothing.
struct AgentHealth {
  std::string id;
  std::size_t connections = 0;  ///< that are configured
  std::size_t ready = 0;        ///< that are open
  /// The worst that the agent says of itself on those that are open.
  wire::HealthState state = wire::HealthState::healthy;
  double success_rate = 1;      ///< Mean of those that are open, over their last events; 1: all are answered.
  base::Duration latency{};     ///< Mean, from an event to its answer, queueing included; 0 without any.
  std::uint32_t in_flight = 0;  ///< events that are sent and not answered
  std::uint32_t waiting = 0;    ///< events in the queue for a free place
  /// Of this worker: another may have seen the agent fail more often, or less.
  Breaker::State breaker = Breaker::State::closed;
  std::optional<base::Error> last_error;  ///< Why the connection ended that ended last.
};

}  // namespace picket::pool
