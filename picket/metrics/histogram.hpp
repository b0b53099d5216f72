#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <span>

#include "picket/metrics/counter.hpp"

namespace picket::metrics {

/// Latencies from 1 ns to 137 s, 16 buckets per power of two: every recorded value is known to within 6.25 %. What is
/// longer counts in the last bucket.
///
///   histogram.record(worker.now() - began);                       // on the hot path
///   metrics::Histogram::Counts counts{};                          // by whoever is asked for it
///   for (const auto& worker : workers) worker.histogram.add_to(counts);
///
/// Thread safety: one thread records, any thread reads; a reader may see a latency in its bucket and not yet in the
/// sum. Complexity: record is O(1) and allocates nothing; reading looks at every bucket, 4 KiB of them. Units:
/// nanoseconds. Source: the bucket scheme is that of HdrHistogram (log-linear).
class Histogram {
 public:
  static constexpr unsigned sub_bits = 4;     ///< Buckets per power of two, as a power of two: the precision.
  static constexpr unsigned value_bits = 37;  ///< Of the largest latency in nanoseconds that is told apart.
  static constexpr std::size_t bucket_count = (value_bits - sub_bits + 1) << sub_bits;
  using Counts = std::array<std::uint64_t, bucket_count>;
  using Sum = std::chrono::duration<std::uint64_t, std::nano>;

  /// A negative latency counts as none.
  void record(std::chrono::nanoseconds latency) noexcept {
    const auto value = latency.count() < 0 ? std::uint64_t{0} : static_cast<std::uint64_t>(latency.count());
    buckets_[bucket_of(value)].add();
    sum_.add(value);
  }

  /// How many were recorded. Complexity: looks at every bucket.
  [[nodiscard]] std::uint64_t count() const noexcept;
  /// Of all that was recorded, exact. Wraps around after 584 years (with 10,000 exchanges under way at any time, three
  /// weeks), and so does the sum of several of these: then it begins at 0 again, as with a new process.
  [[nodiscard]] Sum sum() const noexcept { return Sum{sum_.value()}; }

  /// Adds what each bucket has counted to `counts`, so that the histograms of several workers become one. `counts`
  /// begins as zeros, and is the caller's. Any thread; while the other one records, what is added is of no single
  /// moment.
  void add_to(Counts& counts) const noexcept;

  /// The largest value of a bucket.
  [[nodiscard]] static constexpr std::chrono::nanoseconds upper_bound_of(std::size_t bucket) noexcept {
    if (bucket < (1U << sub_bits)) return std::chrono::nanoseconds{bucket};
    const std::size_t shift = (bucket >> sub_bits) - 1;
    const std::uint64_t mantissa = bucket - (shift << sub_bits);
    return std::chrono::nanoseconds{((mantissa + 1) << shift) - 1};
  }

 private:
  [[nodiscard]] static constexpr std::size_t bucket_of(std::uint64_t value) noexcept {
    if (value < (1U << sub_bits)) return value;
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - sub_bits - 1;
    const std::size_t bucket = (static_cast<std::size_t>(shift) << sub_bits) + (value >> shift);
    return bucket < bucket_count ? bucket : bucket_count - 1;
  }

  std::array<Counter, bucket_count> buckets_;
  Counter sum_;
};

}  // namespace picket::metrics
