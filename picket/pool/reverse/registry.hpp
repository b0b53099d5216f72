#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "picket/metrics/counter.hpp"
#include "picket/pool/reverse/connection.hpp"
#include "picket/pool/reverse/members.hpp"
#include "picket/pool/reverse/rules.hpp"
#include "picket/transport/worker.hpp"
#include "picket/wire/messages.hpp"

namespace picket::pool::reverse {

/// Connections that workers share; each takes two descriptors for a worker, and one.
inline constexpr std::size_t most_relays = 128;

/// What is counted of registrations. Thread safety: the registry's worker writes, any thread reads.
struct RegistryMetrics {
  metrics::Counter registered;  ///< Connections that were handed on.
  metrics::Counter refused;     ///< Connections that said what they may not, or nothing in time.
  metrics::Gauge connections;   ///< Those that have a place now.
};

/// Decides on the agents that dial the proxy, for all of its workers and listeners: who may join, and which worker
/// serves him; all of them, over a Relay, where the agent will not make a connection for each.
///
/// Thread safety: its worker's; metrics() from any. What it hands on may be dropped on any thread, which takes the lock
/// of Worker::post(). Lifetime: its worker outlives it and all that it has handed on; it outlives its relays.
class Registry {
 public:
  /// Takes a connection to the worker that it names; called on the registry's worker.
  using Deliver = std::function<void(Connection)>;

  Registry(transport::Worker& worker, std::size_t workers, Deliver deliver);
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// For all that register from now on; whoever is there stays. Errors: invalid_message for what cannot be meant so.
  /// Where it fails the rules before stay in force.
  [[nodiscard]] base::Status use(Rules rules);
  /// Whether an agent may join, and where. The socket is not in it yet. Errors, for the agent to hear: unavailable. The
  /// place is taken from now on, until the connection's seat is dropped.
  [[nodiscard]] base::Result<Connection> admit(const wire::ReverseRegistration& registration);
  /// With its socket in it. Where it is to be shared and cannot be, the agent is told.
  void deliver(Connection connection);
  void note_refused() { metrics_->refused.add(); }

  /// Connections that workers share.
  [[nodiscard]] std::size_t relays() const noexcept { return relays_; }
  [[nodiscard]] const RegistryMetrics& metrics() const noexcept { return *metrics_; }
  [[nodiscard]] transport::Worker& worker() noexcept { return worker_; }

 private:
  /// Gives the place back, on the registry's worker, once nobody holds it.
  [[nodiscard]] std::shared_ptr<void> hold(Seat seat);

  transport::Worker& worker_;
  std::size_t workers_;
  Deliver deliver_;
  Rules rules_;
  std::shared_ptr<Members> members_;  // with those who have yet to leave
  std::shared_ptr<RegistryMetrics> metrics_;
  std::uint64_t joined_ = 0;
  std::size_t relays_ = 0;
};

}  // namespace picket::pool::reverse
