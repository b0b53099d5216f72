#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "picket/pool/agent.hpp"
#include "picket/pool/config.hpp"
#include "picket/pool/exchange.hpp"
#include "picket/transport/worker.hpp"

namespace picket::pool {

/// The proxy's side of the protocol on one worker: every agent, the connections to each, and the way to ask them.
///
/// Each worker has a pool of its own with connections of its own; nothing is shared, nothing is locked. Agents may
/// start late or come and go: connections are retried for ever in the background, and a call with nowhere to go fails
/// at once.
///
/// Thread safety: its worker's thread; metrics() may be read from any. Lifetime: outlives its exchanges; its worker
/// outlives it.
class AgentPool {
 public:
  /// `observer` may be null; it must outlive the pool.
  explicit AgentPool(transport::Worker& worker, Config config = {}, Observer* observer = nullptr);
  AgentPool(const AgentPool&) = delete;
  AgentPool& operator=(const AgentPool&) = delete;
  ~AgentPool();

  /// Adds an agent and begins to connect. The reference is the handle: stable for the pool's life. Errors:
  /// connection_failed for an endpoint that is none or a value out of its range, invalid_message for a configuration
  /// that is not JSON, unavailable for an id that is taken.
  [[nodiscard]] base::Result<std::reference_wrapper<Agent>> add_agent(const AgentSpec& spec);
  /// By name: for callers without the handle. Null where there is none. Complexity: O(1).
  [[nodiscard]] Agent* find(std::string_view id) noexcept;

  /// Begins an exchange with an agent. Errors come with its calls.
  [[nodiscard]] Exchange begin(Agent& agent, const base::CorrelationId& id, Demand demand = Demand::declared) {
    return Exchange{agent, id, demand};
  }

  /// Awaitable; Status: at least one connection to `agent` is ready. Errors: timeout, with the last connection error in
  /// its words.
  [[nodiscard]] Agent::WaitReady ready(Agent& agent, base::Deadline deadline) { return {agent, deadline}; }

  /// Cancels every event that waits for an answer, on every connection (protocol.md §12): those who wait are told that
  /// nothing comes.
  void cancel_all(wire::CancelReason reason);
  /// No new exchanges; connections close as their exchanges end, at drain_timeout at the latest.
  void drain();
  /// Whether every connection is closed after drain().
  [[nodiscard]] bool drained() const noexcept;

  [[nodiscard]] const std::vector<std::unique_ptr<Agent>>& agents() const noexcept { return agents_; }
  [[nodiscard]] transport::Worker& worker() noexcept { return worker_; }
  /// Whether the configuration lets an exchange go on in spite of this error (flow_control_mode fail_open).
  [[nodiscard]] static bool goes_on_despite(const Agent& agent, const base::Error& error) noexcept;

 private:
  transport::Worker& worker_;
  Config config_;
  Observer* observer_;
  std::vector<std::unique_ptr<Agent>> agents_;
  boost::unordered_flat_map<std::string_view, Agent*> by_id_;  // the keys are the agents' own ids
};

}  // namespace picket::pool
