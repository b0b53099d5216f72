#include "picket/inspection/asking_again.hpp"

#include <gtest/gtest.h>

namespace picket::inspection {
namespace {

using std::chrono::seconds;

/// Seconds from a failure until it may be asked again.
long rest_after_failure(AskingAgain& asking, base::TimePoint& now) {
  asking.failed(now);
  long rest = 0;
  for (; !asking.may_begin(now); now += seconds{1}) ++rest;
  asking.begin();
  return rest;
}

TEST(AskingAgain, IsAtOnceThenAfterASecondThenTwiceAsLateAMinuteAtMost) {
  AskingAgain asking;
  base::TimePoint now{seconds{1000}};
  EXPECT_TRUE(asking.may_begin(now));
  for (const long rest : {0, 1, 2, 4, 8, 16, 32, 60, 60}) EXPECT_EQ(rest_after_failure(asking, now), rest);
}

TEST(AskingAgain, IsAtOnceWhereAFrameWasAnsweredMeanwhile) {
  AskingAgain asking;
  base::TimePoint now{seconds{1000}};
  for (int i = 0; i < 5; ++i) static_cast<void>(rest_after_failure(asking, now));
  asking.answered();
  EXPECT_EQ(rest_after_failure(asking, now), 0);
  EXPECT_EQ(rest_after_failure(asking, now), 1);
}

TEST(AskingAgain, CountsOneFailureThoughBothDirectionsTellOfIt) {
  AskingAgain asking;
  base::TimePoint now{seconds{1000}};
  asking.failed(now);
  asking.failed(now);
  EXPECT_TRUE(asking.may_begin(now));
}

}  // namespace
}  // namespace picket::inspection
