#include "picket/base/timer_wheel.hpp"

#include <algorithm>
#include <bit>

namespace picket::base {

TimerWheel::TimerWheel(TimePoint now) noexcept : start_(now) {
  for (auto& head : heads_) head.previous = head.next = &head;
}

void TimerWheel::arm(Timer& timer, TimePoint due) noexcept {
  timer.cancel();
  timer.due_ = due;
  // Rounded up, so that a timer is never early; the past goes to the next tick that will be looked at.
  const bool far = due - start_ > std::chrono::hours{24 * 365};
  const std::int64_t at =
      far ? current_ + static_cast<std::int64_t>(slots) - 1 : std::max(current_, tick_of(due + tick - Duration{1}));
  const auto slot = static_cast<std::size_t>(at) % slots;
  TimerLink& head = heads_[slot];
  timer.previous = head.previous;
  timer.next = &head;
  head.previous->next = &timer;
  head.previous = &timer;
  occupied_[slot / 64] |= std::uint64_t{1} << (slot % 64);
}

void TimerWheel::advance(TimePoint now) {
  const std::int64_t until = tick_of(now);
  // One round visits every slot; a longer pause needs no more.
  std::int64_t from = std::max(current_, until - static_cast<std::int64_t>(slots) + 1);
  current_ = until + 1;
  for (; from <= until; ++from) {
    const auto slot = static_cast<std::size_t>(from) % slots;
    if ((occupied_[slot / 64] >> (slot % 64) & 1) == 0) continue;
    TimerLink& head = heads_[slot];
    // The slot's timers are moved to a list of their own: callbacks may arm and cancel freely meanwhile.
    TimerLink taken;
    taken.previous = taken.next = &taken;
    if (head.next != &head) {
      taken.next = head.next;
      taken.previous = head.previous;
      taken.next->previous = &taken;
      taken.previous->next = &taken;
    }
    head.previous = head.next = &head;
    occupied_[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
    while (taken.next != &taken) {
      Timer& timer = static_cast<Timer&>(*taken.next);
      if (timer.due_ > now) {
        arm(timer, timer.due_);  // of a later round
        continue;
      }
      timer.cancel();
      timer.callback_(timer.owner_, now);
    }
  }
}

std::optional<TimePoint> TimerWheel::next() const noexcept {
  const auto first = static_cast<std::size_t>(current_) % slots;
  for (std::size_t step = 0; step <= slots;) {
    const std::size_t slot = (first + step) % slots;
    const std::uint64_t word = occupied_[slot / 64] >> (slot % 64);
    if (word == 0) {
      step += 64 - slot % 64;
      continue;
    }
    step += static_cast<std::size_t>(std::countr_zero(word));
    // An occupied mark may outlive its cancelled timers: the visit is then for nothing, and clears it.
    return start_ + (current_ + static_cast<std::int64_t>(std::min(step, slots - 1))) * tick;
  }
  return std::nullopt;
}

}  // namespace picket::base
