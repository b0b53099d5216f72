#include "picket/pool/hedging.hpp"

#include <cmath>
#include <numeric>

namespace picket::pool {
namespace {

constexpr base::Duration window = std::chrono::seconds{1};
constexpr std::uint64_t enough = 100;  // answers; a percentile of fewer is a guess

}  // namespace

std::optional<base::Duration> Hedging::delay(const metrics::Histogram& latency, base::TimePoint now) {
  if (now - looked_at_ < window) return delay_;
  looked_at_ = now;
  metrics::Histogram::Counts counts{};
  latency.add_to(counts);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) total += counts[i] - seen_[i];
  if (total < enough) return delay_;
  auto left = static_cast<std::uint64_t>(std::ceil(static_cast<double>(total) * config_.after));
  std::size_t bucket = 0;
  while (bucket + 1 < counts.size() && counts[bucket] - seen_[bucket] < left) {
    left -= counts[bucket] - seen_[bucket];
    ++bucket;
  }
  delay_ = metrics::Histogram::upper_bound_of(bucket);
  seen_ = counts;
  return delay_;
}

}  // namespace picket::pool
