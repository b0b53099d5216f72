#pragma once

#include <algorithm>
#include <cstdint>

#include "picket/base/time.hpp"

namespace picket::base {

/// How long to wait before connecting again: doubles from `quickest` to `interval`, from there to `most`, each time
/// ±25 % at random but never more than `most`, so that the connections of many workers do not come back in one instant.
/// The quick ones are for agents that start beside us or are restarted.
///
/// Thread safety: none. Pure but for its random state: who waits, and by which clock, is the caller's business.
///
/// With an interval of 5 s and at most 120 s: about 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 10, 20, 40, 80, 120, 120 …
/// seconds.
///
///   base::Backoff backoff{config.reconnect_interval, config.max_reconnect_interval, seed};
///   timers.arm(again, now + backoff.next());  // after each failure
///   backoff.reset();                          // once connected
///
/// Lifetime: a value. Complexity: O(1), no system call.
class Backoff {
 public:
  /// The first pause, where the constructor is told no other.
  static constexpr Duration quickest = std::chrono::milliseconds{100};

  /// `most`: the longest pause; no less than `interval`, whatever is said. `seed`: another one for each connection, or
  /// they all come back together. `first`: the pause to begin with. It is cut to `interval` where it is longer. All
  /// three are above zero: a pause of nothing doubles to nothing.
  Backoff(Duration interval, Duration most, std::uint32_t seed, Duration first = quickest) noexcept
      : first_(std::min(first, interval)),
        interval_(interval),
        most_(std::max(most, interval)),
        current_(first_),
        random_(seed | 1) {}

  /// The pause to make now. Those after it are longer, up to `most`. Call it once for each pause: it counts.
  [[nodiscard]] Duration next() noexcept {
    const Duration base = current_;
    current_ = std::min(current_ * 2, current_ < interval_ ? interval_ : most_);
    ++attempts_;
    if (base >= interval_) ++slow_attempts_;
    random_ ^= random_ << 13;  // xorshift32 (Marsaglia, 2003): jitter needs no better
    random_ ^= random_ >> 17;
    random_ ^= random_ << 5;
    return std::min(base * static_cast<std::int64_t>(75 + random_ % 51) / 100, most_);
  }
  /// The connection is there: the next pause is a quick one again.
  void reset() noexcept {
    current_ = first_;
    attempts_ = 0;
    slow_attempts_ = 0;
  }
  /// Pauses since the start or reset().
  [[nodiscard]] std::uint32_t attempts() const noexcept { return attempts_; }
  /// Those of them that were no shorter than `interval`. Tells a peer that has been away for long from one that is just
  /// being restarted.
  [[nodiscard]] std::uint32_t slow_attempts() const noexcept { return slow_attempts_; }

 private:
  Duration first_;
  Duration interval_;
  Duration most_;
  Duration current_;
  std::uint32_t attempts_ = 0;
  std::uint32_t slow_attempts_ = 0;
  std::uint32_t random_;
};

}  // namespace picket::base
