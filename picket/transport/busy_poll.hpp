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
/// predicts branches: whether the turn before wrote to a peer, as a question to an agent does, and what the last three
/// waits were select a counter; what the wait turns out to be moves it. So a loop stays awake for an upstream and
/// sleeps for the next request, or sleeps for an agent that needs the same core. Thread safety: none; one owner, the
/// worker. Complexity: O(1), no clock is read: the caller says how long it was. Units: an awake wait takes a whole core
/// for 60 µs at most; what counts as soon is 200 µs.
///
///   const bool awake = busy_poll.pays();
///   …                                             // wait, awake for BusyPoll::longest at most
///   awake ? busy_poll.stayed_awake(came) : busy_poll.slept(time);
///   busy_poll.turn_ends(wrote);
class BusyPoll {
 public:
  /// How long to look for events before sleeping.
  static constexpr base::Duration longest = std::chrono::microseconds{60};

  /// Of the wait that comes now; ask once before it, and say afterwards what it was.
  [[nodiscard]] bool pays() const noexcept { return counters_[index_].credit > 0; }

  /// The wait was spent awake; `came`: before the time was over.
  void stayed_awake(bool came) noexcept {
    auto& [credit, penalty] = counters_[index_];
    if (came) {
      credit = std::min(credit + 1, most_credit);
      if (credit == most_credit) penalty = first_penalty;
    } else {
      credit -= price_of_a_miss;
      if (credit <= 0) {  // where it does not pay it is tried ever more rarely
        credit = -penalty;
        penalty = std::min(2 * penalty, last_penalty);
      }
    }
    remember(came);
  }
  /// The wait was slept through, and lasted from one turn to the next. Awake it would have been shorter.
  void slept(base::Duration time) noexcept {
    const bool soon = time <= std::chrono::microseconds{200};
    auto& credit = counters_[index_].credit;
    credit = soon ? std::min(credit + 1, most_credit) : std::max(credit - 1, std::min(credit, -first_penalty));
    remember(soon);
  }
  /// A turn ends; `wrote`: something went to a proxy or an agent. Chooses the counter for the next wait.
  void turn_ends(bool wrote) noexcept { index_ = history_ << 1 | static_cast<unsigned>(wrote); }

 private:
  static constexpr unsigned histories = 8;  // of three waits
  static constexpr int most_credit = 8;
  static constexpr int price_of_a_miss = 4;
  static constexpr int first_penalty = 8;
  static constexpr int last_penalty = 1024;

  struct Counter {
    int credit = 0;
    int penalty = first_penalty;  ///< How many waits are slept through once the credit is spent.
  };

  void remember(bool soon) noexcept { history_ = (history_ << 1 | static_cast<unsigned>(soon)) % histories; }

  std::array<Counter, 2 * histories> counters_{};
  unsigned history_ = 0;  // the latest wait in the lowest bit; 1: soon
  unsigned index_ = 0;
};

}  // namespace picket::transport
