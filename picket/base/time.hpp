#pragma once

#include <chrono>

namespace picket::base {

/// Time that only goes forward, whatever is done to the wall clock: for measuring and waiting, not for dates.
using Clock = std::chrono::steady_clock;
/// Comparable within one process only: what leaves the machine is wall-clock time (protocol.md, `timestamp_ms`).
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

/// A point in time after which nobody waits any more. Absolute, so that queueing counts, and so that it can be handed
/// on to each step of one task.
///
///   const auto deadline = base::Deadline::after(worker.now(), std::chrono::milliseconds{250});
///   const pool::Answer answer = co_await exchange.request_headers(event, deadline);
///
/// Thread safety: a value. Units: the monotonic clock's; a date is none. Complexity: constant expressions.
class Deadline {
 public:
  /// No deadline: never passes.
  constexpr Deadline() noexcept = default;
  constexpr explicit Deadline(TimePoint at) noexcept : at_(at) {}
  /// Never passes where the budget reaches beyond the clock's range: `Duration::max()` is no deadline. `now` is the
  /// worker's: what has waited in a queue before has used up some of its time already.
  [[nodiscard]] static constexpr Deadline after(TimePoint now, Duration budget) noexcept {
    return budget > TimePoint::max() - now ? Deadline{} : Deadline{now + budget};
  }

  /// The clock's last point where there is no deadline.
  [[nodiscard]] constexpr TimePoint at() const noexcept { return at_; }
  /// At its very point it has.
  [[nodiscard]] constexpr bool passed(TimePoint now) const noexcept { return now >= at_; }
  [[nodiscard]] constexpr bool never() const noexcept { return at_ == TimePoint::max(); }
  friend constexpr auto operator<=>(Deadline, Deadline) noexcept = default;

 private:
  TimePoint at_ = TimePoint::max();
};

/// The time as one event loop sees it: read once per loop turn, then a plain load (steady_clock::now() costs 20-35 ns).
/// Thread safety: one owner, the worker.
///
/// Within one turn time stands still: what a turn itself takes is not seen by deadlines until the next. Errors: none.
/// Units: nanoseconds of the monotonic clock.
class CoarseClock {
 public:
  /// The time of this turn.
  [[nodiscard]] TimePoint now() noexcept {
    if (stale_) [[unlikely]] {
      now_ = Clock::now();
      stale_ = false;
    }
    return now_;
  }
  /// A new turn begins; the next now() reads the clock.
  void begin_turn() noexcept { stale_ = true; }

 private:
  TimePoint now_{};
  bool stale_ = true;
};

}  // namespace picket::base
