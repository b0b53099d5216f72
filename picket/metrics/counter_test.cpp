#include "picket/metrics/counter.hpp"

#include <thread>

#include <gtest/gtest.h>

namespace picket::metrics {
namespace {

TEST(Counter, AnotherThreadSeesItGrowMonotonically) {
  Counter counter;
  std::jthread writer{[&] {
    for (int i = 0; i < 100'000; ++i) counter.add();
  }};
  std::uint64_t seen = 0;
  while (seen < 100'000) {
    const std::uint64_t now = counter.value();
    ASSERT_GE(now, seen);
    seen = now;
  }
  EXPECT_EQ(seen, 100'000U);
}

TEST(Gauge, GoesBothWays) {
  Gauge gauge;
  gauge.add(5);
  gauge.add(-7);
  EXPECT_EQ(gauge.value(), -2);
}

}  // namespace
}  // namespace picket::metrics
