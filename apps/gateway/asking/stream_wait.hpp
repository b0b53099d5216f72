#pragma once

#include <coroutine>
#include <cstdint>

#include "picket/base/time.hpp"
#include "picket/base/timer_wheel.hpp"
#include "picket/transport/resumption.hpp"
#include "picket/transport/worker.hpp"

namespace picket::apps::gateway::asking {

/// Where one operation of a stream waits for what its connection brings. Thread safety: its worker's. Lifetime: not
/// destroyed while somebody waits.
class StreamWait {
 public:
  /// Why it goes on.
  enum class Woken : std::uint8_t {
    not_yet,  ///< It is awaited.
    ready,    ///< For what it waited for.
    late,     ///< Its deadline has passed.
    stopped,  ///< It was stopped, or the peer is gone.
  };

  explicit StreamWait(transport::Worker& worker) noexcept
      : worker_(worker),
        timer_([](void* self, base::TimePoint) { static_cast<StreamWait*>(self)->wake(Woken::late); }, this) {}

  /// Awaitable; Woken: by wake(), or by the deadline.
  class Until {
   public:
    Until(StreamWait& wait, base::Deadline deadline) noexcept : wait_(wait), deadline_(deadline) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiting) {
      wait_.woken_ = Woken::not_yet;
      wait_.waiting_.wait(waiting);
      if (!deadline_.never()) wait_.worker_.timers().arm(wait_.timer_, deadline_.at());
    }
    [[nodiscard]] Woken await_resume() const noexcept { return wait_.woken_; }

   private:
    StreamWait& wait_;
    base::Deadline deadline_;
  };

  /// Nothing where nobody waits.
  void wake(Woken why) noexcept {
    if (!is_awaited()) return;
    woken_ = why;
    timer_.cancel();
    worker_.resume(waiting_);
  }

  [[nodiscard]] bool is_awaited() const noexcept { return woken_ == Woken::not_yet; }

 private:
  transport::Worker& worker_;
  transport::Resumption waiting_;
  base::Timer timer_;
  Woken woken_ = Woken::ready;
};

}  // namespace picket::apps::gateway::asking
