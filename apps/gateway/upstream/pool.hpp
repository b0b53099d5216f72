#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/gateway/config/model.hpp"
#include "apps/gateway/upstream/balancer.hpp"
#include "apps/gateway/upstream/socket_budget.hpp"
#include "picket/base/result.hpp"
#include "picket/base/timer_wheel.hpp"
#include "picket/metrics/counter.hpp"
#include "picket/transport/cancel.hpp"
#include "picket/transport/stream.hpp"
#include "picket/transport/task.hpp"

namespace picket::apps::gateway::upstream {

/// An upstream with its names resolved: made once per load, and shared by the workers.
struct Resolved {
  config::Upstream upstream;
  /// Of each target at least one, in the order in which the resolver prefers them.
  std::vector<std::vector<transport::Endpoint>> addresses;
};

/// Whether both name the same targets at the same addresses, in whatever order a resolver gives these.
[[nodiscard]] bool is_same(const Resolved& a, const Resolved& b);

/// Errors: connection_failed naming the target that has no address.
[[nodiscard]] base::Result<Resolved> resolve(const config::Upstream& upstream);

/// How long upstreams may take.
struct Timeouts {
  base::Duration connect = std::chrono::seconds{5};  ///< to one target, by all of its addresses
  base::Duration read = std::chrono::seconds{60};
  base::Duration idle = std::chrono::seconds{60};  ///< after which a pooled connection is closed
};

/// How long a connection is left alone on which bytes may come that nobody asked for.
inline constexpr base::Duration settling_time = std::chrono::milliseconds{100};

/// Where one request has been in vain, so that it asks nobody twice.
struct Tried {
  struct Failure {
    const transport::Endpoint* endpoint;
    base::Error why;  ///< For people, without the address.
  };
  std::vector<Failure> failures;     ///< In their order.
  std::vector<std::size_t> targets;  ///< All of whose addresses have failed.
  bool pooled_was_stale = false;     ///< Only new connections are of use.
};

class Pool;

/// A connection, and that it is counted.
struct Socket {
  transport::Stream stream;
  SocketBudget::Place place;
};

/// A connection to an upstream for one request; goes back with give_back(), is closed otherwise. Move-only.
class Lease {
 public:
  Lease(Pool& pool, Socket socket, std::size_t target, const transport::Endpoint& endpoint, bool reused);
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&&) = delete;
  ~Lease();

  [[nodiscard]] transport::Stream& stream() noexcept { return socket_.stream; }
  /// Whether it served an earlier request, so that it may have gone stale.
  [[nodiscard]] bool reused() const noexcept { return reused_; }
  [[nodiscard]] const std::string& address() const noexcept { return endpoint_->text(); }
  /// The upstream has answered: its target is well.
  void answered() noexcept;
  /// It has not, which counts as a connect that failed.
  void failed(base::Error why, Tried& tried);
  /// The response was read to its end and the connection may serve again. `settling`: more may come that belongs to no
  /// answer: it is not kept where that has come already, and not leased within settling_time.
  void give_back(bool settling = false);

 private:
  Pool* pool_;
  Socket socket_;
  std::size_t target_;
  const transport::Endpoint* endpoint_;
  bool reused_;
};

/// The connections of one worker to one upstream, and how its targets fare. A reload that leaves the upstream as it is
/// keeps its pool.
/// Thread safety: its worker's thread; counters may be read from any. Lifetime: outlives its leases.
class Pool {
 public:
  /// `sockets`: the worker's, shared with its other pools.
  Pool(transport::Worker& worker, Resolved resolved, const Timeouts& timeouts, SocketBudget& sockets);

  /// An idle connection where there is one that lives and may be used, else a new one; each address that is not in
  /// `tried` is tried once. What is known to be stale is not used; a connection that goes stale afterwards shows in
  /// reused(). A request of `cancel` ends the call: no other target is tried, and none is to blame. Errors: that of the
  /// last failure; connection_closed where it was cancelled; io where this process can open no socket, not even in
  /// place of an idle one, which is no failure of anybody.
  [[nodiscard]] transport::Task<base::Result<Lease>> acquire(Tried& tried, transport::Cancel& cancel);

  /// Whether every address was tried.
  [[nodiscard]] bool is_exhausted(const Tried& tried) const noexcept;

  [[nodiscard]] const std::string& id() const noexcept { return resolved_.upstream.id; }
  [[nodiscard]] const Resolved& resolved() const noexcept { return resolved_; }
  [[nodiscard]] const Timeouts& timeouts() const noexcept { return timeouts_; }
  [[nodiscard]] std::size_t idle() const noexcept { return idle_.size(); }

  metrics::Counter connects;
  metrics::Counter connect_failures;

 private:
  friend class Lease;
  struct Idle {
    Socket socket;
    std::size_t target;
    const transport::Endpoint* endpoint;
    base::TimePoint since;
    base::TimePoint usable_from;
  };
  static constexpr std::size_t max_idle = 256;

  static base::TimePoint idle_since(const void* self);
  static void close_oldest(void* self);

  void keep(Socket socket, std::size_t target, const transport::Endpoint& endpoint, bool settling);
  /// An idle connection to `target` that lives; stale ones are closed on the way.
  [[nodiscard]] std::optional<Lease> take_idle(std::size_t target);
  /// A new connection to a target, by one address after the other.
  [[nodiscard]] transport::Task<base::Result<Lease>> connect(std::size_t target, Tried& tried,
                                                             transport::Cancel& cancel);
  /// Connects; where descriptors are wanting, again in place of the oldest idle connection. Errors: as Stream::connect.
  [[nodiscard]] transport::Task<base::Result<Socket>> open(const transport::Endpoint& endpoint, base::Deadline deadline,
                                                           transport::Cancel& cancel);
  /// Those that were not tried, the one that served last first.
  [[nodiscard]] std::vector<const transport::Endpoint*> untried(std::size_t target, const Tried& tried) const;
  void note_failure(std::size_t target, const transport::Endpoint& endpoint, base::Error why, Tried& tried);
  void close_expired(base::TimePoint now);

  transport::Worker& worker_;
  const Resolved resolved_;
  Timeouts timeouts_;
  SocketBudget& sockets_;
  IdleOwner idle_owner_{&Pool::idle_since, &Pool::close_oldest, this};
  Balancer balancer_;
  std::vector<std::size_t> preferred_;  // per target: the address that is tried first
  std::vector<Idle> idle_;              // most recently used last
  base::Timer idle_timer_;              // due when the first of them expires, or earlier
};

}  // namespace picket::apps::gateway::upstream
