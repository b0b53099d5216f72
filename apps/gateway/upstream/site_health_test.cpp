#include "apps/gateway/upstream/site_health.hpp"

#include <gtest/gtest.h>

namespace picket::apps::gateway::upstream {
namespace {

using namespace std::chrono_literals;

constexpr base::TimePoint some_time{1000s};
const config::HealthCheck two_up_three_down{};
constexpr config::PassiveHealth three_in_a_row{.failures = 3, .rest = 10s};

TEST(SiteHealth, IsDownAfterSoManyFailedChecksInARowAndUpAfterSoManyThatPassed) {
  SiteHealth health;
  for (const bool passed : {false, false, true, false, false}) {
    EXPECT_FALSE(health.checked(passed, two_up_three_down, some_time));
    EXPECT_TRUE(health.is_up());
  }
  EXPECT_TRUE(health.checked(false, two_up_three_down, some_time));
  EXPECT_FALSE(health.takes_requests(some_time + 1h));
  EXPECT_FALSE(health.checked(true, two_up_three_down, some_time));
  EXPECT_TRUE(health.checked(true, two_up_three_down, some_time));
  EXPECT_TRUE(health.takes_requests(some_time));
}

TEST(SiteHealth, ThatNoCheckHasPassedIsKnownAtOneOfThemAndNotOnceOneHas) {
  SiteHealth health;
  for (int i = 1; i <= 5; ++i) {
    health.checked(false, two_up_three_down, some_time);
    EXPECT_EQ(health.has_only_failed(3), i == 3) << i;
  }
  SiteHealth other;
  other.checked(true, two_up_three_down, some_time);
  for (int i = 1; i <= 5; ++i) {
    other.checked(false, two_up_three_down, some_time);
    EXPECT_FALSE(other.has_only_failed(3)) << i;
  }
}

TEST(SiteHealth, RestsAfterFailuresInARowAndAnAnswerBeginsTheCountAnew) {
  SiteHealth health;
  EXPECT_FALSE(health.failed(three_in_a_row, true, some_time));
  EXPECT_FALSE(health.failed(three_in_a_row, true, some_time));
  health.succeeded(some_time);
  EXPECT_FALSE(health.failed(three_in_a_row, true, some_time));
  EXPECT_FALSE(health.failed(three_in_a_row, true, some_time));
  EXPECT_TRUE(health.failed(three_in_a_row, true, some_time));
  EXPECT_FALSE(health.takes_requests(some_time + 10s - 1ms));
  EXPECT_TRUE(health.takes_requests(some_time + 10s));
}

TEST(SiteHealth, DoesNotRestWhereTooFewOthersAreThereAndDoesOnceThereAre) {
  SiteHealth health;
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(health.failed(three_in_a_row, false, some_time));
  EXPECT_TRUE(health.takes_requests(some_time));
  EXPECT_TRUE(health.failed(three_in_a_row, true, some_time));
}

TEST(SiteHealth, AnAnswerDoesNotBringUpWhatChecksFindDown) {
  SiteHealth health;
  for (int i = 0; i < 3; ++i) health.checked(false, two_up_three_down, some_time);
  health.succeeded(some_time);
  EXPECT_FALSE(health.takes_requests(some_time));
}

TEST(SiteHealth, TheShareGrowsFromATenthToAllOfIt) {
  SiteHealth health;
  EXPECT_EQ(health.share(20s, some_time), 100) << "who never was away starts as it is";
  for (const bool passed : {false, false, false, true, true}) health.checked(passed, two_up_three_down, some_time);
  EXPECT_EQ(health.share(20s, some_time), 10);
  EXPECT_EQ(health.share(20s, some_time + 10s), 50);
  EXPECT_EQ(health.share(20s, some_time + 20s), 100);
  EXPECT_EQ(health.share(0s, some_time), 100) << "without slow-start-secs";
  health.failed(three_in_a_row, true, some_time);
  EXPECT_EQ(health.share(0s, some_time), 100) << "and while it rests";
}

}  // namespace
}  // namespace picket::apps::gateway::upstream
