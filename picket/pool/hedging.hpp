#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "picket/base/time.hpp"
#include "picket/metrics/histogram.hpp"
#include "picket/pool/config.hpp"

namespace picket::pool {

/// When a question that is not answered yet is asked on a second connection, and how often that may be.
///
/// The delay is a percentile of the agent's last latencies: looked at once a second, over what was answered since,
/// where that was enough to say anything. The budget is a share of the questions; what is not used is kept for ten of
/// them, so that an agent that becomes slow as a whole is not asked twice (Dean and Barroso, The Tail at Scale, 2013).
///
/// Thread safety: none; one owner. Pure: the times are the caller's. Complexity: O(1), and once a second a look at
/// every bucket of the histogram.
class Hedging {
 public:
  explicit Hedging(const HedgeConfig& config) noexcept : config_(config) {}

  /// A question was asked. Units: a share of one more question is put aside each time.
  void asked() noexcept { budget_ = std::min(budget_ + config_.budget, most_kept); }
  /// How long to wait for its answer; none: nothing is known of the agent's latency yet. The upper bound of a bucket,
  /// so up to 6.25 % more than the percentile. Fewer than 100 answers since the last look say nothing: what was known
  /// before counts.
  [[nodiscard]] std::optional<base::Duration> delay(const metrics::Histogram& latency, base::TimePoint now);
  /// Whether a question may be asked twice now; takes it from the budget.
  [[nodiscard]] bool take() noexcept {
    if (budget_ < 1) return false;
    budget_ -= 1;
    return true;
  }

 private:
  static constexpr double most_kept = 10;

  HedgeConfig config_;
  double budget_ = 0;
  std::optional<base::Duration> delay_;
  base::TimePoint looked_at_{};
  metrics::Histogram::Counts seen_{};
};

}  // namespace picket::pool
