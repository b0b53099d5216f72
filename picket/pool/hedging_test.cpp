#include "picket/pool/hedging.hpp"

#include <gtest/gtest.h>

namespace picket::pool {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr base::TimePoint start{seconds{100}};

void record(metrics::Histogram& latency, int count, base::Duration each) {
  for (int i = 0; i < count; ++i) latency.record(each);
}

TEST(Hedging, WaitsForThePercentileOfTheLastLatencies) {
  metrics::Histogram latency;
  Hedging hedging{{.after = 0.95, .budget = 0.05}};
  EXPECT_FALSE(hedging.delay(latency, start));
  record(latency, 95, milliseconds{1});
  record(latency, 5, milliseconds{50});
  const auto first = hedging.delay(latency, start + seconds{1});
  ASSERT_TRUE(first);
  EXPECT_GE(*first, milliseconds{1});
  EXPECT_LT(*first, milliseconds{2}) << "95 of 100 took no longer";
  record(latency, 100, milliseconds{10});
  EXPECT_EQ(hedging.delay(latency, start + milliseconds{1'500}), first) << "one look a second";
  const auto second = hedging.delay(latency, start + seconds{2});
  EXPECT_GE(*second, milliseconds{10}) << "of those since the last look";
  EXPECT_LT(*second, milliseconds{11});
}

TEST(Hedging, AFewAnswersChangeNothing) {
  metrics::Histogram latency;
  Hedging hedging{{.after = 0.5, .budget = 0.05}};
  record(latency, 99, milliseconds{1});
  EXPECT_FALSE(hedging.delay(latency, start));
  record(latency, 1, milliseconds{1});
  EXPECT_TRUE(hedging.delay(latency, start + seconds{1}));
}

TEST(Hedging, IsDoneForAShareOfTheQuestionsAndNoMoreAtOnceThanTen) {
  Hedging hedging{{.after = 0.95, .budget = 0.25}};
  EXPECT_FALSE(hedging.take());
  for (int i = 0; i < 4; ++i) hedging.asked();
  EXPECT_TRUE(hedging.take());
  EXPECT_FALSE(hedging.take());
  for (int i = 0; i < 1'000; ++i) hedging.asked();
  int taken = 0;
  while (hedging.take()) ++taken;
  EXPECT_EQ(taken, 10);
}

}  // namespace
}  // namespace picket::pool
