#include "picket/metrics/histogram.hpp"

#include <cmath>

namespace picket::metrics {

std::uint64_t Histogram::count() const noexcept {
  std::uint64_t total = 0;
  for (const auto& bucket : buckets_) total += bucket.value();
  return total;
}

std::uint64_t Histogram::count_up_to(std::chrono::nanoseconds bound) const noexcept {
  if (bound.count() < 0) return 0;
  const std::size_t last = bucket_of(static_cast<std::uint64_t>(bound.count()));
  std::uint64_t total = 0;
  for (std::size_t i = 0; i <= last; ++i) total += buckets_[i].value();
  return total;
}

std::chrono::nanoseconds Histogram::quantile(double share) const noexcept {
  const std::uint64_t total = count();
  if (total == 0) return {};
  const auto rank = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(total)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < bucket_count; ++i) {
    seen += buckets_[i].value();
    if (seen >= rank && seen != 0) return std::chrono::nanoseconds{upper_bound_of(i)};
  }
  return std::chrono::nanoseconds{upper_bound_of(bucket_count - 1)};
}

}  // namespace picket::metrics
