#include "picket/base/backoff.hpp"

#include <gtest/gtest.h>

namespace picket::base {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, StartsQuicklyAndDoublesToTheIntervalAndOnToItsLimitWithinTheJitter) {
  Backoff backoff{1s, 3s, 42};
  for (const auto expected : {100ms, 200ms, 400ms, 800ms, 1000ms, 2000ms, 3000ms, 3000ms}) {
    const auto pause = backoff.next();
    EXPECT_GE(pause, expected * 3 / 4);
    EXPECT_LE(pause, expected * 5 / 4);
  }
  EXPECT_EQ(backoff.attempts(), 8U);
  EXPECT_EQ(backoff.slow_attempts(), 4U);
  backoff.reset();
  EXPECT_EQ(backoff.attempts(), 0U);
  EXPECT_EQ(backoff.slow_attempts(), 0U);
  EXPECT_LE(backoff.next(), 125ms);
}

TEST(Backoff, IsNeverLongerThanItsLimit) {
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    Backoff backoff{1s, 1s, seed};
    for (int i = 0; i < 100; ++i) ASSERT_LE(backoff.next(), 1s);
  }
}

TEST(Backoff, AnIntervalShorterThanTheQuickestPauseIsKept) {
  Backoff backoff{10ms, 20ms, 42};
  EXPECT_LE(backoff.next(), 12'500us);
  EXPECT_EQ(backoff.slow_attempts(), 1U);
}

TEST(Backoff, AnIntervalLongerThanTheLimitIsTheLimit) {
  Backoff backoff{400ms, 200ms, 42};
  for (const auto expected : {100ms, 200ms, 400ms, 400ms, 400ms}) EXPECT_GE(backoff.next(), expected * 3 / 4);
  EXPECT_EQ(backoff.slow_attempts(), 3U);
}

TEST(Backoff, MayBeginWithALongerPauseThanTheQuickest) {
  Backoff backoff{1500ms, 60s, 42, 1500ms};
  for (const auto expected : {1500ms, 3000ms, 6000ms, 12000ms, 24000ms, 48000ms, 60000ms}) {
    const auto pause = backoff.next();
    EXPECT_GE(pause, expected * 3 / 4);
    EXPECT_LE(pause, 60s);
  }
  backoff.reset();
  EXPECT_GE(backoff.next(), 1s);
}

TEST(Backoff, DifferentSeedsDoNotMarchInStep) {
  Backoff one{1s, 8s, 1};
  Backoff two{1s, 8s, 0x9E3779B9U};
  EXPECT_NE(one.next(), two.next());
}

}  // namespace
}  // namespace picket::base
