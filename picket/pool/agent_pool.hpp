#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "picket/base/result.hpp"
#include "picket/base/time.hpp"
#include "picket/pool/agent_health.hpp"
#include "picket/pool/config.hpp"
#include "picket/pool/exchange.hpp"
#include "picket/pool/wait_ready.hpp"
#include "picket/transport/worker.hpp"

namespace picket::pool {

class Observer;
namespace reverse {
struct Connection;
}

/// The proxy's side of the protocol on one worker: every agent, the connections to each, and the way to ask them.
///
/// Each worker has a pool of its own with connections of its own; nothing is shared, nothing is locked. Agents may
/// start late or come and go: connections are retried for ever in the background, and a call with nowhere to go fails
/// at once.
///
///   AgentPool pool{worker};
///   Agent& waf = pool.add_agent({.id = "waf", .endpoint = "unix:/run/waf.sock"})->get();
///   Exchange exchange = pool.begin(waf, id);
///   const Answer answer = co_await exchange.request_headers(event);
///
/// An agent is a handle here; who asks it of itself (its metrics, its breaker) includes agent.hpp, who hears of it
/// observer.hpp.
///
/// Thread safety: its worker's thread; Agent::metrics() may be read from any. Lifetime: outlives its exchanges; its
/// worker outlives it. Errors: those of its functions; what becomes of connections is told to the observer, and what
/// becomes of calls to those who made them. Complexity: beginning an exchange is O(1); finding an agent by its name a
/// hash.
class AgentPool {
 public:
  /// `observer` may be null; it must outlive the pool.
  explicit AgentPool(transport::Worker& worker, Config config = {}, Observer* observer = nullptr);
  AgentPool(const AgentPool&) = delete;
  AgentPool& operator=(const AgentPool&) = delete;
  ~AgentPool();

  /// Adds an agent and begins to connect. The reference is the handle: stable until the agent is removed. Errors:
  /// connection_failed for an endpoint that is none or a value out of its range, invalid_message for a configuration
  /// that is not JSON, unavailable for an id that is taken. Files of `spec.tls` are read while the caller waits.
  [[nodiscard]] base::Result<std::reference_wrapper<Agent>> add_agent(const AgentSpec& spec);
  /// Gives a connection that an agent dialled to the agent that it feeds; one that feeds none is told so. Called by
  /// what Registry::Deliver posts to this worker.
  void add_reverse_connection(reverse::Connection accepted);
  /// By name: for callers without the handle. Null where there is none. Complexity: O(1).
  [[nodiscard]] Agent* find(std::string_view id) noexcept;

  /// The agent takes no new exchange, and is gone when those that it has are over, at drain_timeout at the latest. Its
  /// id is free at once; its handle is good for as long as exchanges of it are. Errors: unknown_agent.
  [[nodiscard]] base::Status remove_agent(std::string_view id);
  /// The agent of that id as `spec` has it: the one that is there where nothing changes, with its connections; the same
  /// where its configuration alone does, which it is given on them, and which it may refuse (Observer::on_configured);
  /// else another, and the old one is removed. Errors: as add_agent(), and the old one stays; unknown_agent.
  [[nodiscard]] base::Result<std::reference_wrapper<Agent>> change_agent(const AgentSpec& spec);

  /// How the agents are now, in the order in which they were added. Complexity: linear in the connections of all
  /// agents.
  [[nodiscard]] std::vector<AgentHealth> stats() const;
  /// How one of them is. Errors: unknown_agent.
  [[nodiscard]] base::Result<AgentHealth> health(std::string_view id);

  /// Begins an exchange with an agent. Errors come with its calls.
  [[nodiscard]] Exchange begin(Agent& agent, const base::CorrelationId& id, Demand demand = Demand::declared) {
    return Exchange{agent, id, demand};
  }

  /// Awaitable; Status: at least one connection to `agent` is ready. Errors: timeout, with the last connection error in
  /// its words. `co_await pool.ready(agent, deadline)`: at once where there is one already.
  [[nodiscard]] WaitReady ready(Agent& agent, base::Deadline deadline) noexcept;

  /// Cancels every event that waits for an answer, on every connection (protocol.md §12): those who wait are told that
  /// nothing comes.
  void cancel_all(wire::CancelReason reason);
  /// No new exchanges; connections close as their exchanges end, at drain_timeout at the latest. It cannot be taken
  /// back. Then wait until drained().
  void drain();
  /// Whether every connection is closed after drain().
  [[nodiscard]] bool drained() const noexcept;

  /// In the order in which they were added. Lifetime: until the next that is added, changed or removed.
  [[nodiscard]] const std::vector<std::unique_ptr<Agent>>& agents() const noexcept { return agents_; }
  [[nodiscard]] transport::Worker& worker() noexcept { return worker_; }
  /// Whether the configuration lets an exchange go on in spite of this error (flow_control_mode fail_open).
  [[nodiscard]] static bool goes_on_despite(const Agent& agent, const base::Error& error) noexcept;

 private:
  using Agents = std::vector<std::unique_ptr<Agent>>;

  [[nodiscard]] Agents::iterator place_of(const Agent& agent) noexcept;
  /// Frees those that were removed and are over.
  void forget_removed();

  transport::Worker& worker_;
  Config config_;
  Observer* observer_;
  Agents agents_;
  Agents removed_;                                             // that may still have exchanges
  boost::unordered_flat_map<std::string_view, Agent*> by_id_;  // the keys are the agents' own ids
};

}  // namespace picket::pool
