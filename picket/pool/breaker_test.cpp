#include "picket/pool/breaker.hpp"

#include <gtest/gtest.h>

namespace picket::pool {
namespace {

using namespace std::chrono_literals;
using Outcome = Breaker::Outcome;
using Permit = Breaker::Permit;
using State = Breaker::State;

constexpr base::TimePoint kStart{100h};
constexpr BreakerConfig kConfig{
    .failure_threshold = 3, .success_threshold = 2, .open_for = 10s, .half_open_max_requests = 1};

void call(Breaker& breaker, Outcome outcome, base::TimePoint now = kStart) {
  breaker.finish(breaker.acquire(now), outcome, now);
}

TEST(Breaker, OpensAfterConsecutiveFailuresOnly) {
  Breaker breaker{kConfig};
  for (int i = 0; i < 10; ++i) {
    call(breaker, Outcome::failure);
    call(breaker, Outcome::failure);
    call(breaker, Outcome::success);
  }
  EXPECT_EQ(breaker.state(), State::closed);
  for (int i = 0; i < 3; ++i) call(breaker, Outcome::failure);
  EXPECT_EQ(breaker.state(), State::open);
  EXPECT_EQ(breaker.acquire(kStart + 9s), Permit::none);
}

TEST(Breaker, NeutralOutcomesNeitherOpenNorReset) {
  Breaker breaker{kConfig};
  for (int i = 0; i < 100; ++i) call(breaker, Outcome::neutral);
  EXPECT_EQ(breaker.state(), State::closed);
  call(breaker, Outcome::failure);
  call(breaker, Outcome::failure);
  call(breaker, Outcome::neutral);
  call(breaker, Outcome::failure);
  EXPECT_EQ(breaker.state(), State::open);
}

Breaker half_open() {
  Breaker breaker{kConfig};
  for (int i = 0; i < 3; ++i) call(breaker, Outcome::failure);
  return breaker;
}

TEST(Breaker, HalfOpenAdmitsAsManyProbesAsConfigured) {
  Breaker breaker = half_open();
  const auto later = kStart + 10s;
  EXPECT_EQ(breaker.acquire(later), Permit::probe);
  EXPECT_EQ(breaker.acquire(later), Permit::none);
}

TEST(Breaker, ClosesAfterEnoughSuccessfulProbes) {
  Breaker breaker = half_open();
  call(breaker, Outcome::success, kStart + 10s);
  EXPECT_EQ(breaker.state(), State::half_open);
  call(breaker, Outcome::success, kStart + 10s);
  EXPECT_EQ(breaker.state(), State::closed);
}

TEST(Breaker, FailedProbeOpensAgainForTheWholeTime) {
  Breaker breaker = half_open();
  call(breaker, Outcome::failure, kStart + 10s);
  EXPECT_EQ(breaker.state(), State::open);
  EXPECT_EQ(breaker.acquire(kStart + 19s), Permit::none);
  EXPECT_EQ(breaker.acquire(kStart + 20s), Permit::probe);
}

TEST(Breaker, AHandshakeThatSucceedsMakesItHalfOpenAtOnce) {
  Breaker breaker = half_open();
  ASSERT_EQ(breaker.state(), State::open);
  breaker.reconnected(kStart + 1ms);
  EXPECT_EQ(breaker.state(), State::half_open);
  EXPECT_EQ(breaker.acquire(kStart + 1ms), Permit::probe);
}

TEST(Breaker, AClosedOneHasNoUseForHandshakes) {
  Breaker breaker{kConfig};
  breaker.reconnected(kStart);
  EXPECT_EQ(breaker.state(), State::closed);
  EXPECT_EQ(breaker.acquire(kStart), Permit::normal);
}

TEST(Breaker, APauseAdmitsNobodyForASecondHoweverOftenTheAgentComesBack) {
  for (const int failures : {1, 3}) {  // closed, open
    Breaker breaker{kConfig};
    for (int i = 0; i < failures; ++i) breaker.fail(kStart);
    breaker.pause(kStart);
    for (int i = 0; i < 10; ++i) breaker.reconnected(kStart + i * 100ms);
    EXPECT_EQ(breaker.acquire(kStart + 999ms), Permit::none);
    EXPECT_NE(breaker.acquire(kStart + 1s), Permit::none);
  }
}

TEST(Breaker, ProbesGiveTheirPermitBackHoweverTheyEnd) {
  for (const auto outcome : {Outcome::neutral, Outcome::success, Outcome::failure}) {
    Breaker breaker = half_open();
    auto now = kStart + 10s;
    for (int i = 0; i < 100; ++i, now += 10s) {
      const auto permit = breaker.acquire(now);
      ASSERT_NE(permit, Permit::none) << i;
      breaker.finish(permit, outcome, now);
    }
  }
}

}  // namespace
}  // namespace picket::pool
