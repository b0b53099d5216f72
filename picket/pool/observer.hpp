#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "picket/base/error.hpp"
#include "picket/base/result.hpp"
#include "picket/pool/breaker.hpp"
#include "picket/session/agent_info.hpp"
#include "picket/session/proxy_session.hpp"
#include "picket/transport/dns/knowledge.hpp"
#include "picket/wire/messages.hpp"

namespace picket::pool {

/// Told of what an operator wants to know. What is not overridden does nothing, but for on_config_update(), which
/// refuses; `agent` is the id that the pool has for it.
///
/// Thread safety: called on the worker's thread: it must not block, and must not call back into the pool. Lifetime:
/// outlives the pool; what it is told of lives as long as the call. Texts of the agent's are its own words: escape them
/// before they are shown, and bound how often.
class Observer {
 public:
  /// A connection is open. Each of an agent's connections is told of, on each worker.
  virtual void on_connected(std::string_view /*agent*/, const session::AgentInfo& /*info*/) {}
  /// The agent did not declare kinds of event that are configured. `sent`: it gets them all the same.
  virtual void on_undeclared(std::string_view /*agent*/, std::span<const wire::EventKind> /*kinds*/, bool /*sent*/) {}
  /// It answered what it was not asked; each kind is said once per connection. `said`: its words, quoted.
  virtual void on_unmatched_answer(std::string_view /*agent*/, session::Misfit /*misfit*/, std::string_view /*said*/) {}
  /// `attempts`: failures in a row; `lasting`: more than max_reconnect_attempts of them after the quick tries of a
  /// start.
  virtual void on_disconnected(std::string_view /*agent*/, const base::Error& /*reason*/, std::uint32_t /*attempts*/,
                               bool /*lasting*/) {}
  /// The name of its endpoint has these addresses now.
  virtual void on_places(std::string_view /*agent*/, std::span<const transport::dns::Place> /*places*/) {}
  /// The name of its endpoint cannot be looked up, or only in part; `known`: addresses that are used on meanwhile.
  virtual void on_look_up_trouble(std::string_view /*agent*/, const base::Error& /*why*/, std::size_t /*known*/) {}
  /// It can be looked up again.
  virtual void on_looked_up_again(std::string_view /*agent*/) {}
  /// This worker's breaker of the agent has changed.
  virtual void on_breaker(std::string_view /*agent*/, Breaker::State /*state*/) {}
  /// It was given another configuration while it served: it has that now, or keeps the old one for a reason.
  virtual void on_configured(std::string_view /*agent*/, const base::Status& /*outcome*/) {}
  /// How it is has changed, by its own words or since they are not valid any more.
  virtual void on_health(std::string_view /*agent*/, const wire::HealthStatus& /*status*/) {}
  /// What the agent counts, the same on each of its connections: told apart by its time, not added up.
  virtual void on_metrics(std::string_view /*agent*/, const wire::MetricsReport& /*report*/) {}
  /// The agent asks for a change. What is returned is the answer: accepted, or why not.
  [[nodiscard]] virtual base::Status on_config_update(std::string_view /*agent*/,
                                                      const wire::ConfigUpdateRequest& /*request*/) {
    return base::fail(base::ErrorKind::unavailable, "nothing here takes changes of the configuration from agents");
  }
  /// A line of the agent's for the log.
  virtual void on_log(std::string_view /*agent*/, const wire::LogMessage& /*line*/) {}

 protected:
  ~Observer() = default;
};

}  // namespace picket::pool
