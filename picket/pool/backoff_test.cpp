#include "picket/pool/backoff.hpp"

#include <gtest/gtest.h>

namespace picket::pool {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, DoublesToItsLimitWithinTheJitter) {
  Backoff backoff{1s, 8s, 42};
  for (const auto expected : {1000ms, 2000ms, 4000ms, 8000ms, 8000ms, 8000ms}) {
    const auto pause = backoff.next();
    EXPECT_GE(pause, expected * 3 / 4);
    EXPECT_LE(pause, expected * 5 / 4);
  }
  EXPECT_EQ(backoff.attempts(), 6U);
  backoff.reset();
  EXPECT_LE(backoff.next(), 1250ms);
}

TEST(Backoff, DifferentSeedsDoNotMarchInStep) {
  Backoff one{1s, 8s, 1};
  Backoff two{1s, 8s, 0x9E3779B9U};
  EXPECT_NE(one.next(), two.next());
}

}  // namespace
}  // namespace picket::pool
