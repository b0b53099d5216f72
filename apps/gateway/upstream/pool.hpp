#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/gateway/config/model.hpp"
#include "apps/gateway/upstream/balancer.hpp"
#include "picket/base/result.hpp"
#include "picket/base/timer_wheel.hpp"
#include "picket/metrics/counter.hpp"
#include "picket/transport/stream.hpp"
#include "picket/transport/task.hpp"

namespace picket::apps::gateway::upstream {

/// An upstream with its names resolved: made once per load, and shared by the workers.
struct Resolved {
  config::Upstream upstream;
  std::vector<transport::Endpoint> endpoints;  ///< One per target.
};

/// Errors: connection_failed naming the target that has no address.
[[nodiscard]] base::Result<Resolved> resolve(const config::Upstream& upstream);

/// How long upstreams may take.
struct Timeouts {
  base::Duration connect = std::chrono::seconds{5};
  base::Duration read = std::chrono::seconds{60};
  base::Duration idle = std::chrono::seconds{60};  ///< after which a pooled connection is closed
};

class Pool;

/// A connection to an upstream for one request; goes back with give_back(), is closed otherwise. Move-only.
class Lease {
 public:
  Lease(Pool& pool, transport::Stream stream, std::size_t target, bool reused);
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&&) = delete;
  ~Lease();

  [[nodiscard]] transport::Stream& stream() noexcept { return stream_; }
  /// Whether it served an earlier request, so that it may have gone stale.
  [[nodiscard]] bool reused() const noexcept { return reused_; }
  [[nodiscard]] const std::string& address() const noexcept;
  /// The response was read to its end and the connection may serve again.
  void give_back();

 private:
  Pool* pool_;
  transport::Stream stream_;
  std::size_t target_;
  bool reused_;
};

/// The connections of one worker to one upstream.
/// Thread safety: its worker's thread; counters may be read from any. Lifetime: outlives its leases.
class Pool {
 public:
  Pool(transport::Worker& worker, const Resolved& resolved, const Timeouts& timeouts);

  /// An idle connection where `fresh` is false and there is one that lives, else a new one; each target is tried once.
  /// What is known to be stale is not used; a connection that goes stale afterwards shows in reused().
  /// `connecting`: the connection that is being made, null at other times. Who sets `given_up` and closes it ends the
  /// call: no other target is tried, and none is to blame. Errors: the last target's connection_failed or timeout;
  /// connection_closed where it was given up. Lifetime: what the references name outlives the call.
  [[nodiscard]] transport::Task<base::Result<Lease>> acquire(bool fresh, transport::Stream*& connecting,
                                                             const bool& given_up);

  [[nodiscard]] const std::string& id() const noexcept { return resolved_.upstream.id; }
  [[nodiscard]] const Timeouts& timeouts() const noexcept { return timeouts_; }
  [[nodiscard]] std::size_t idle() const noexcept { return idle_.size(); }

  metrics::Counter connects;
  metrics::Counter connect_failures;

 private:
  friend class Lease;
  struct Idle {
    transport::Stream stream;
    std::size_t target;
    base::TimePoint since;
  };
  static constexpr std::size_t max_idle = 256;

  void keep(transport::Stream stream, std::size_t target);
  /// An idle connection to `target` that lives; stale ones are closed on the way.
  [[nodiscard]] std::optional<transport::Stream> take_idle(std::size_t target);
  void close_expired(base::TimePoint now);

  transport::Worker& worker_;
  const Resolved& resolved_;
  Timeouts timeouts_;
  Balancer balancer_;
  std::vector<Idle> idle_;  // most recently used last
  base::Timer idle_timer_;  // due when the first of them expires, or earlier
};

}  // namespace picket::apps::gateway::upstream
