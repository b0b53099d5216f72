#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <span>

#include "picket/metrics/counter.hpp"

namespace picket::metrics {

/// Latencies from 1 ns to about 17 s, 16 buckets per power of two: every recorded value is known to within 6.25 %.
/// Thread safety: one thread records, any thread reads. Complexity: record is O(1) and allocates nothing.
/// The bucket scheme is that of HdrHistogram (log-linear).
class Histogram {
 public:
  void record(std::chrono::nanoseconds latency) noexcept {
    const auto value = latency.count() < 0 ? std::uint64_t{0} : static_cast<std::uint64_t>(latency.count());
    buckets_[bucket_of(value)].add();
    sum_.add(value);
  }

  [[nodiscard]] std::uint64_t count() const noexcept;
  [[nodiscard]] std::chrono::nanoseconds sum() const noexcept { return std::chrono::nanoseconds{sum_.value()}; }

  /// How many recorded values are at most `bound` (to the bucket that holds it).
  [[nodiscard]] std::uint64_t count_up_to(std::chrono::nanoseconds bound) const noexcept;

  /// The value below which `share` (0…1) of all recordings lie, e.g. 0.99 for p99; zero where nothing was recorded.
  [[nodiscard]] std::chrono::nanoseconds quantile(double share) const noexcept;

 private:
  static constexpr unsigned sub_bits = 4;
  static constexpr std::size_t bucket_count = (34 - sub_bits + 1) << sub_bits;

  [[nodiscard]] static constexpr std::size_t bucket_of(std::uint64_t value) noexcept {
    if (value < (1U << sub_bits)) return value;
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - sub_bits - 1;
    const std::size_t bucket = (static_cast<std::size_t>(shift) << sub_bits) + (value >> shift);
    return bucket < bucket_count ? bucket : bucket_count - 1;
  }
  /// Largest value of a bucket.
  [[nodiscard]] static constexpr std::uint64_t upper_bound_of(std::size_t bucket) noexcept {
    if (bucket < (1U << sub_bits)) return bucket;
    const std::size_t shift = (bucket >> sub_bits) - 1;
    const std::uint64_t mantissa = bucket - (shift << sub_bits);
    return ((mantissa + 1) << shift) - 1;
  }

  std::array<Counter, bucket_count> buckets_;
  Counter sum_;
};

}  // namespace picket::metrics
