#pragma once

#include <chrono>
#include <cmath>

#include "picket/base/time.hpp"

namespace picket::pool {

/// How the events of one connection have ended lately: for selection by health, and for whoever asks how an agent is.
///
/// An outcome weighs 1/64 in the rate, a latency 1/16 in the mean. What failed is forgiven by half in 10 s: a
/// connection that gets nothing since it is the worst must get something again.
///
/// Thread safety: none; one owner. Pure: the time is the caller's. Complexity: answered() is a few multiplications;
/// success_rate() takes a power. Units: rates as parts of 1, times in base::Duration. Lifetime: a value. Errors: none.
/// With 1 of 20 events failing for long the rate is about 0.95.
class TrackRecord {
 public:
  static constexpr base::Duration half_life = std::chrono::seconds{10};

  /// An event was answered: draws the mean towards its latency, and the rate towards 1.
  void answered(base::Duration latency) noexcept {
    const auto sample = static_cast<double>(latency.count());
    latency_ += is_first_ ? sample : (sample - latency_) * latency_weight;
    is_first_ = false;
    failing_ -= failing_ * outcome_weight;
  }
  /// An event got no answer. Its latency is not known, and does not count. `now` never goes back. 64 failures in a row
  /// leave a rate of about 0.36.
  void failed(base::TimePoint now) noexcept {
    const double failing = failing_at(now);
    failing_ = failing + (1 - failing) * outcome_weight;
    failed_at_ = now;
  }

  /// 1: all of them were answered.
  [[nodiscard]] double success_rate(base::TimePoint now) const noexcept { return 1 - failing_at(now); }
  /// The mean, from an event to its answer; 0 before the first.
  [[nodiscard]] base::Duration latency() const noexcept {
    return base::Duration{static_cast<base::Duration::rep>(latency_)};
  }

 private:
  static constexpr double outcome_weight = 1.0 / 64;
  static constexpr double latency_weight = 1.0 / 16;

  [[nodiscard]] double failing_at(base::TimePoint now) const noexcept {
    if (failing_ == 0) return 0;
    const std::chrono::duration<double> since = now - failed_at_;
    return failing_ * std::exp2(-since / std::chrono::duration<double>(half_life));
  }

  double failing_ = 0;  // as of failed_at_, less what was answered since
  double latency_ = 0;  // in base::Duration's unit
  base::TimePoint failed_at_{};
  bool is_first_ = true;
};

}  // namespace picket::pool
