#pragma once

#include <optional>
#include <span>

#include "picket/base/timer_wheel.hpp"
#include "picket/transport/dns/knowledge.hpp"
#include "picket/transport/dns/look_up.hpp"

namespace picket::transport::dns {

/// Keeps what is known of a name fresh: looks it up at once, and again whenever the answer is not good any more.
///
/// Thread safety: the worker's thread. Lifetime: worker and owner outlive it. Errors: reach the owner.
///
///   transport::dns::Watch watch{worker, options, *endpoint, owner};  // owner.on_places() follows
///
/// Complexity: one look-up at a time. Units: an answer is good for its time to live, from 1 s to Options::longest_ttl;
/// after a failure the next look-up comes after 1 s, then twice as long up to 5 s.
class Watch {
 public:
  /// Who wants to know. Called from the loop; he must not destroy the watch from within.
  class Owner {
   public:
    /// The name has other places now. They live until the next call. Never none because of a failure: what was known
    /// goes on. Those that stay keep their order.
    virtual void on_places(std::span<const Place> places) = 0;
    /// A look-up failed, or half of it. Each time: for counting.
    virtual void on_failure() = 0;
    /// It did so where those before did not, or for another reason: what is known goes on.
    virtual void on_trouble(const base::Error& why) = 0;
    /// The trouble is over.
    virtual void on_well_again() = 0;

   protected:
    ~Owner() = default;
  };

  /// `name`: an endpoint whose is_name() is true. The first look-up begins here.
  Watch(Worker& worker, Options options, Endpoint name, Owner& owner);
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() = default;

 private:
  void look_up();
  void on_found(Findings findings);

  Worker& worker_;
  Options options_;
  Endpoint name_;
  Owner& owner_;
  Knowledge knowledge_;
  std::optional<LookUp> look_up_;
  base::Timer timer_;
};

}  // namespace picket::transport::dns
