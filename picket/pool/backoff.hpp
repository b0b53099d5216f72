#pragma once

#include <algorithm>
#include <cstdint>

#include "picket/base/time.hpp"

namespace picket::pool {

/// How long to wait before connecting again: doubles from `first` to `most`, each time ±25 % at random, so that the
/// connections of many workers do not come back in one instant. Pure but for its random state. Thread safety: none.
class Backoff {
 public:
  Backoff(base::Duration first, base::Duration most, std::uint32_t seed) noexcept
      : first_(first), most_(most), current_(first), random_(seed | 1) {}

  [[nodiscard]] base::Duration next() noexcept {
    const base::Duration base = current_;
    current_ = std::min(current_ * 2, most_);
    ++attempts_;
    random_ ^= random_ << 13;  // xorshift32 (Marsaglia, 2003): jitter needs no better
    random_ ^= random_ >> 17;
    random_ ^= random_ << 5;
    return base * static_cast<std::int64_t>(75 + random_ % 51) / 100;
  }
  void reset() noexcept {
    current_ = first_;
    attempts_ = 0;
  }
  [[nodiscard]] std::uint32_t attempts() const noexcept { return attempts_; }

 private:
  base::Duration first_;
  base::Duration most_;
  base::Duration current_;
  std::uint32_t attempts_ = 0;
  std::uint32_t random_;
};

}  // namespace picket::pool
