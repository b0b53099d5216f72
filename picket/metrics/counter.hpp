#pragma once

#include <atomic>
#include <cstdint>

namespace picket::metrics {

/// A number that only grows, from 0.
///
/// Thread safety: one thread adds, any thread reads, and what he reads says nothing of other memory (relaxed).
/// Complexity: because only one writes, adding is a load and a store (0.4 ns) and not a read-modify-write (7-8 ns,
/// several times that when two cores fight for the line).
///
/// Two threads that add to one lose counts. Give each worker a counter of its own and let the reader sum them:
///
///   std::uint64_t total = 0;
///   for (const auto& worker : workers) total += worker.requests.value();
///
/// Lifetime: outlives its readers. Errors: none.
class Counter {
 public:
  /// By the one who writes. Wraps around after 2^64.
  void add(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  /// What was added so far; any thread.
  [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// A number that goes up and down, from 0, below it, too. Thread safety, complexity: as Counter. A value that a reader
/// sees may be one that never was together with another gauge's.
class Gauge {
 public:
  /// By the one who writes, as add().
  void set(std::int64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t n) noexcept { set(value() + n); }
  [[nodiscard]] std::int64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

}  // namespace picket::metrics
