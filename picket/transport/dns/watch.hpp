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
class Watch {
 public:
  /// Who wants to know. Called from the loop; he must not destroy the watch from within.
  class Owner {
   public:
    /// The name has other places now. They live until the next call.
    virtual void on_places(std::span<const Place> places) = 0;
    /// A look-up failed, or half of it.
    virtual void on_failure() = 0;
    /// It did so where those before did not, or for another reason: what is known goes on.
    virtual void on_trouble(const base::Error& why) = 0;
    /// The trouble is over.
    virtual void on_well_again() = 0;

   protected:
    ~Owner() = default;
  };

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
