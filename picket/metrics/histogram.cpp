#include "picket/metrics/histogram.hpp"

namespace picket::metrics {

std::uint64_t Histogram::count() const noexcept {
  std::uint64_t total = 0;
  for (const auto& bucket : buckets_) total += bucket.value();
  return total;
}

void Histogram::add_to(Counts& counts) const noexcept {
  for (std::size_t i = 0; i < bucket_count; ++i) counts[i] += buckets_[i].value();
}

}  // namespace picket::metrics
