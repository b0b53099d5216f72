#include "picket/base/time.hpp"

#include <gtest/gtest.h>

namespace picket::base {
namespace {

using namespace std::chrono_literals;

TEST(Deadline, PassesAtItsInstant) {
  const TimePoint now{1h};
  const auto deadline = Deadline::after(now, 5ms);
  EXPECT_FALSE(deadline.passed(now + 4ms));
  EXPECT_TRUE(deadline.passed(now + 5ms));
}

TEST(Deadline, WithoutLimitNeverPasses) {
  EXPECT_FALSE(Deadline{}.passed(TimePoint{1h}));
  EXPECT_TRUE(Deadline::after(TimePoint{1h}, Duration::max()).never());
}

TEST(CoarseClock, TimeStandsStillWithinATurn) {
  CoarseClock clock;
  const auto first = clock.now();
  while (Clock::now() == first) {
  }
  EXPECT_EQ(clock.now(), first);
  clock.begin_turn();
  EXPECT_GT(clock.now(), first);
}

}  // namespace
}  // namespace picket::base
