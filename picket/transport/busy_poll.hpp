#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

#include "picket/base/time.hpp"

namespace picket::transport {

/// Says whether a loop should stay awake for its next wait, which is busy polling, or sleep (ADR 0012).
///
/// Where a core with nothing to do is halted, waking it takes longer than most answers. Staying awake pays where the
/// next event comes soon, and costs what it lasts where it does not. Which it will be is predicted as a processor
/// predicts branches: what the last four waits were selects a counter, and what the wait turns out to be moves it. So a
/// loop that waits shortly for an upstream and then long for the next request stays awake for the former alone.
/// Thread safety: none; one owner, the worker.
class BusyPoll {
 public:
  /// How often to look for events before sleeping: some 50 µs.
  static constexpr int attempts = 200;

  [[nodiscard]] bool pays() const noexcept { return entries_[history_].credit > 0; }

  /// The wait was spent awake; `came`: before the last attempt.
  void stayed_awake(bool came) noexcept {
    auto& entry = entries_[history_];
    if (came) {
      entry.credit = std::min(entry.credit + 1, most_credit);
      if (entry.credit == most_credit) entry.penalty = first_penalty;
    } else {
      // Where it does not pay, as beside the agent on one core, it is tried ever more rarely.
      entry.credit = std::min(entry.credit, 0) - entry.penalty;
      entry.penalty = std::min(2 * entry.penalty, last_penalty);
    }
    remember(came);
  }
  /// The wait was slept through, and lasted from one turn to the next. Awake it would have been shorter.
  void slept(base::Duration time) noexcept {
    const bool soon = time <= std::chrono::microseconds{200};
    auto& credit = entries_[history_].credit;
    credit = soon ? std::min(credit + 1, most_credit) : std::max(credit - 1, std::min(credit, -first_penalty));
    remember(soon);
  }

 private:
  static constexpr int most_credit = 8;
  static constexpr int first_penalty = 8;
  static constexpr int last_penalty = 1024;

  struct Entry {
    int credit = 0;
    int penalty = first_penalty;
  };

  void remember(bool soon) noexcept { history_ = (history_ << 1 | static_cast<unsigned>(soon)) % entries_.size(); }

  std::array<Entry, 16> entries_{};
  unsigned history_ = 0;  // the last four waits, the latest in the lowest bit; 1: soon
};

}  // namespace picket::transport
