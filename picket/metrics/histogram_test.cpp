#include "picket/metrics/histogram.hpp"

#include <gtest/gtest.h>

namespace picket::metrics {
namespace {

using namespace std::chrono_literals;

TEST(Histogram, QuantileIsWithinOneBucketOfTheTruth) {
  auto histogram = std::make_unique<Histogram>();
  for (int i = 1; i <= 100'000; ++i) histogram->record(std::chrono::nanoseconds{i * 10});
  EXPECT_EQ(histogram->count(), 100'000U);
  for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const double truth = share * 1'000'000;
    const auto found = static_cast<double>(histogram->quantile(share).count());
    EXPECT_GE(found, truth * 0.999) << share;
    EXPECT_LE(found, truth * 1.0625) << share;
  }
}

TEST(Histogram, SmallValuesAreKnownExactlyAndAllWithin625Percent) {
  for (std::int64_t value = 1; value < 10'000'000'000; value += 1 + value / 100) {
    auto histogram = std::make_unique<Histogram>();
    histogram->record(std::chrono::nanoseconds{value});
    const std::int64_t found = histogram->quantile(1).count();
    ASSERT_GE(found, value);
    ASSERT_LE(found, value + value / 16);
    ASSERT_EQ(histogram->count_up_to(std::chrono::nanoseconds{value}), 1U);
    ASSERT_EQ(histogram->count_up_to(std::chrono::nanoseconds{value - value / 16 - 1}), 0U);
  }
}

TEST(Histogram, NothingRecordedIsZeroNotAGuess) {
  const auto histogram = std::make_unique<Histogram>();
  EXPECT_EQ(histogram->quantile(0.5), 0ns);
  EXPECT_EQ(histogram->count(), 0U);
}

TEST(Histogram, OutOfRangeValuesStayInTheLastBucket) {
  auto histogram = std::make_unique<Histogram>();
  histogram->record(10h);
  histogram->record(-5ns);
  EXPECT_EQ(histogram->count(), 2U);
  EXPECT_EQ(histogram->count_up_to(0ns), 1U);
  EXPECT_GT(histogram->quantile(1), 16s);
}

TEST(Histogram, CumulativeCountsNeverDecrease) {
  auto histogram = std::make_unique<Histogram>();
  for (int i = 0; i < 1000; ++i) histogram->record(std::chrono::microseconds{i});
  std::uint64_t last = 0;
  for (auto bound = 1us; bound < 10ms; bound += 1us) {
    const auto count = histogram->count_up_to(bound);
    ASSERT_GE(count, last);
    last = count;
  }
  EXPECT_EQ(last, 1000U);
}

}  // namespace
}  // namespace picket::metrics
