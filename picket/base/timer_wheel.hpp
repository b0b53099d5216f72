#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "picket/base/time.hpp"

namespace picket::base {

class TimerWheel;

/// A place in one of the wheel's circular lists; alone it is a list's head.
struct TimerLink {
  TimerLink* previous = nullptr;
  TimerLink* next = nullptr;
};

/// One pending timer, embedded in what it belongs to. Destroying it cancels it.
///
///   Waiting() : timer_([](void* self, base::TimePoint) { static_cast<Waiting*>(self)->give_up(); }, this) {}
///   …
///   worker.timers().arm(timer_, worker.now() + patience);
///
/// give_up() may destroy what the timer is embedded in.
///
/// Thread safety: its wheel's. Lifetime: must outlive neither its wheel nor what it calls. Not movable: the wheel links
/// to it. Complexity: O(1), all of it; nothing allocates. Errors: none; a callback must not throw: the timers that are
/// due with it would be left in a list that is gone.
class Timer : private TimerLink {
 public:
  /// Called by TimerWheel::advance once the timer is due; it may be armed again from within.
  using Callback = void (*)(void* owner, TimePoint now);

  /// `owner` is handed to `callback` as it is, and never looked at.
  Timer(Callback callback, void* owner) noexcept : callback_(callback), owner_(owner) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { cancel(); }

  /// It was armed, and has neither fired nor been cancelled.
  [[nodiscard]] bool armed() const noexcept { return previous != nullptr; }
  /// What it was armed for last. The clock's zero where it never was.
  [[nodiscard]] TimePoint due() const noexcept { return due_; }
  /// It does not fire; nothing where it is not armed.
  inline void cancel() noexcept;

 private:
  friend class TimerWheel;

  TimePoint due_{};
  Callback callback_ = nullptr;
  void* owner_ = nullptr;
};

/// Every timer of one worker. Arm and cancel are O(1); a timer fires at most one tick (1 ms) late and never early.
///
/// One level of 4096 slots, 4 s around: a timer that is further away is looked at once per round (Varghese and Lauck,
/// 1987, scheme 6). Holds no clock: the caller says what time it is.
///
/// Thread safety: one owner, the worker. Lifetime: outlives its timers. Complexity: advance() takes a step for each
/// tick that has passed, 4096 at most, and looks at each timer in their slots. Units: ticks of 1 ms since it was made.
class TimerWheel {
 public:
  static constexpr Duration tick = std::chrono::milliseconds{1};

  /// `now`: the first tick. Units: 4096 list heads, 64 KiB of memory.
  explicit TimerWheel(TimePoint now) noexcept;

  /// (Re)arms `timer` for `due`; what has passed is due with the next tick. Complexity: O(1). A point far beyond a
  /// round costs a look per 4 s, and nothing else.
  void arm(Timer& timer, TimePoint due) noexcept;

  /// Fires what is due by `now`, in slot order. Timers armed from a callback for the past fire in the next call.
  /// Callbacks may arm, cancel and destroy any timer, but not the wheel.
  void advance(TimePoint now);

  /// When advance() should be called next, or nothing where no timer is armed. Never later than the earliest timer. It
  /// may be earlier than any timer is due, by what was cancelled or is a round away: advance() then finds nothing, and
  /// says a later point. Complexity: at most 65 words.
  [[nodiscard]] std::optional<TimePoint> next() const noexcept;

 private:
  static constexpr std::size_t slots = 4096;
  [[nodiscard]] std::int64_t tick_of(TimePoint at) const noexcept { return (at - start_) / tick; }

  TimePoint start_;
  std::int64_t current_ = 0;  // the first tick that was not looked at yet
  std::array<TimerLink, slots> heads_;
  std::array<std::uint64_t, slots / 64> occupied_{};
};

inline void Timer::cancel() noexcept {
  if (previous == nullptr) return;
  previous->next = next;
  next->previous = previous;
  previous = next = nullptr;
}

}  // namespace picket::base
