#include "picket/metrics/histogram.hpp"

#include <algorithm>
#include <memory>
#include <numeric>

#include <gtest/gtest.h>

namespace picket::metrics {
namespace {

using namespace std::chrono_literals;

Histogram::Counts counts_of(const Histogram& histogram) {
  Histogram::Counts counts{};
  histogram.add_to(counts);
  return counts;
}

/// The bucket that counted the only value.
std::size_t bucket_of_one(const Histogram& histogram) {
  const auto counts = counts_of(histogram);
  return static_cast<std::size_t>(std::ranges::find(counts, 1U) - counts.begin());
}

TEST(Histogram, SmallValuesAreKnownExactlyAndAllWithin625Percent) {
  for (std::int64_t value = 1; value < 130'000'000'000; value += 1 + value / 100) {
    const auto histogram = std::make_unique<Histogram>();
    histogram->record(std::chrono::nanoseconds{value});
    const std::size_t bucket = bucket_of_one(*histogram);
    ASSERT_LE(value, Histogram::upper_bound_of(bucket).count());
    ASSERT_GT(value, Histogram::upper_bound_of(bucket - 1).count());
    ASSERT_LE(Histogram::upper_bound_of(bucket).count(), value + value / 16);
  }
}

TEST(Histogram, NothingRecordedIsZero) {
  const auto histogram = std::make_unique<Histogram>();
  EXPECT_EQ(histogram->count(), 0U);
  EXPECT_EQ(histogram->sum(), 0ns);
}

TEST(Histogram, OutOfRangeValuesStayInTheFirstAndTheLastBucket) {
  const auto histogram = std::make_unique<Histogram>();
  histogram->record(10h);
  histogram->record(-5ns);
  EXPECT_EQ(histogram->count(), 2U);
  EXPECT_EQ(counts_of(*histogram).front(), 1U);
  EXPECT_EQ(counts_of(*histogram).back(), 1U);
  EXPECT_GT(Histogram::upper_bound_of(Histogram::bucket_count - 1), 100s);
}

TEST(Histogram, TheSumGoesBeyondWhatASignedNumberHolds) {
  const auto histogram = std::make_unique<Histogram>();
  histogram->record(std::chrono::years{290});
  histogram->record(std::chrono::years{290});
  EXPECT_NEAR(std::chrono::duration<double>(histogram->sum()).count(),
              std::chrono::duration<double>(std::chrono::years{580}).count(), 1);
}

TEST(Histogram, CountsOfSeveralAddUp) {
  const auto one = std::make_unique<Histogram>();
  const auto two = std::make_unique<Histogram>();
  for (int i = 0; i < 1000; ++i) (i % 3 == 0 ? *one : *two).record(std::chrono::microseconds{i});
  auto counts = counts_of(*one);
  two->add_to(counts);
  EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}), 1000U);
  EXPECT_EQ(one->count() + two->count(), 1000U);
}

}  // namespace
}  // namespace picket::metrics
