#pragma once

#include "picket/wire/messages.hpp"

namespace picket::transport {

/// That nobody wants any more what an exchange waits for: one for each exchange, taken by whatever it awaits.
///
/// Who waits for something holds a Guard meanwhile, which says how to end the waiting. What is stopped ends with an
/// error of its own, as if it had failed: nothing is thrown, no coroutine is destroyed.
///
/// Thread safety: its worker's. Lifetime: outlives its guards. Complexity: O(1) for each guard; allocates nothing.
///
///   if (cancel.is_requested()) co_return base::fail(base::ErrorKind::unavailable, "cancelled");
///   const transport::Cancel::Guard guard{cancel, [](void* self) { static_cast<Stream*>(self)->cancel(); }, &stream};
///   auto size = co_await stream.read_some(into, deadline);  // ends with connection_closed where somebody cancels
///
/// Errors: none of its own: those who wait say in their own words that they were stopped.
class Cancel {
 public:
  /// While it lives, a request stops what it guards: once, and from within request(), so that nobody may be resumed
  /// there (Worker::resume). Nothing where the request came before: who begins to wait asks is_requested() first.
  class Guard {
   public:
    using Stop = void (*)(void* self);

    /// `stop` is called with `self`, which outlives the guard. Guards may be nested, and go in any order.
    Guard(Cancel& cancel, Stop stop, void* self) noexcept
        : previous_(cancel.last_.previous_), next_(&cancel.last_), stop_(stop), self_(self) {
      previous_->next_ = this;
      next_->previous_ = this;
    }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    ~Guard() { leave(); }

   private:
    friend class Cancel;
    Guard() noexcept = default;
    // Out of the list; of none that is left already nothing changes.
    void leave() noexcept {
      previous_->next_ = next_;
      next_->previous_ = previous_;
      previous_ = next_ = this;
    }

    Guard* previous_ = this;  // itself: in no list
    Guard* next_ = this;
    Stop stop_ = nullptr;
    void* self_ = nullptr;
  };

  Cancel() noexcept = default;
  Cancel(const Cancel&) = delete;
  Cancel& operator=(const Cancel&) = delete;

  /// Stops what is waited for, the latest first, which is what the others wait for. The first request counts.
  /// Complexity: one step per guard.
  void request(wire::CancelReason reason) {
    if (requested_) return;
    requested_ = true;
    reason_ = reason;
    while (last_.previous_ != &last_) {
      Guard& guard = *last_.previous_;
      guard.leave();
      guard.stop_(guard.self_);
    }
  }
  /// For ever: a Cancel is used once, for one exchange.
  [[nodiscard]] bool is_requested() const noexcept { return requested_; }
  /// Of the request: what agents are told. Nothing to go by before is_requested().
  [[nodiscard]] wire::CancelReason reason() const noexcept { return reason_; }

 private:
  Guard last_;  // end of the list
  bool requested_ = false;
  wire::CancelReason reason_{};
};

}  // namespace picket::transport
