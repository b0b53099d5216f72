#include <atomic>
#include <numeric>
#include <thread>

#include <gtest/gtest.h>

#include "picket/metrics/counter.hpp"
#include "picket/metrics/histogram.hpp"

namespace picket::metrics {
namespace {

constexpr std::uint64_t steps = 200'000;

TEST(MetricsRace, CounterReadByManyNeverGoesBackAndEndsExact) {
  Counter counter;
  std::atomic<bool> done{false};
  std::vector<std::jthread> readers;
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      std::uint64_t last = 0;
      while (!done) {
        const std::uint64_t now = counter.value();
        ASSERT_GE(now, last);
        last = now;
      }
    });
  for (std::uint64_t i = 0; i < steps; ++i) counter.add();
  done = true;
  readers.clear();
  EXPECT_EQ(counter.value(), steps);
}

TEST(MetricsRace, HistogramIsScrapedWhileItRecords) {
  Histogram histogram;
  std::atomic<bool> done{false};
  std::jthread reader{[&] {
    while (!done) {
      ASSERT_LE(histogram.count(), steps);
      Histogram::Counts counts{};
      histogram.add_to(counts);
      ASSERT_LE(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}), steps);
    }
  }};
  for (std::uint64_t i = 0; i < steps; ++i) histogram.record(std::chrono::nanoseconds{i % 1000});
  done = true;
  reader.join();
  EXPECT_EQ(histogram.count(), steps);
}

}  // namespace
}  // namespace picket::metrics
