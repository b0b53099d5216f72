#include "picket/pool/breaker.hpp"

#include <gtest/gtest.h>

#include "picket/pool/backoff.hpp"
#include "picket/pool/selection.hpp"

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

TEST(Backoff, DoublesToItsLimitWithinTheJitter) {
  Backoff backoff{1s, 8s, 42};
  for (const auto expected : {1s, 2s, 4s, 8s, 8s, 8s}) {
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

TEST(Selection, RoundRobinTakesTheReadyOnesInTurn) {
  const std::vector<Candidate> candidates{{true, false, 5}, {false, false, 0}, {true, false, 0}, {true, true, 0}};
  std::size_t turn = 0;
  std::vector<std::size_t> picked;
  for (int i = 0; i < 4; ++i) picked.push_back(*select(candidates, LoadBalanceStrategy::round_robin, 10, turn).index);
  EXPECT_EQ(picked, (std::vector<std::size_t>{0, 2, 0, 2}));
}

TEST(Selection, LeastConnectionsTakesTheIdlestAndSharesTies) {
  std::size_t turn = 0;
  const std::vector<Candidate> uneven{{true, false, 5}, {true, false, 2}, {true, false, 9}};
  EXPECT_EQ(select(uneven, LoadBalanceStrategy::least_connections, 10, turn).index, 1U);
  const std::vector<Candidate> even(3, {true, false, 0});
  turn = 0;
  std::vector<std::size_t> picked;
  for (int i = 0; i < 3; ++i) picked.push_back(*select(even, LoadBalanceStrategy::least_connections, 10, turn).index);
  EXPECT_EQ(picked, (std::vector<std::size_t>{0, 1, 2}));
}

TEST(Selection, FailureSaysWhatStoodInTheWay) {
  std::size_t turn = 0;
  const auto failure = [&](std::vector<Candidate> candidates) {
    return select(candidates, LoadBalanceStrategy::round_robin, 2, turn).failure;
  };
  EXPECT_EQ(failure({}), SelectionFailure::none_ready);
  EXPECT_EQ(failure({{false, false, 0}}), SelectionFailure::none_ready);
  EXPECT_EQ(failure({{true, true, 0}}), SelectionFailure::all_paused);
  EXPECT_EQ(failure({{true, true, 0}, {true, false, 2}}), SelectionFailure::all_full);
}

}  // namespace
}  // namespace picket::pool
