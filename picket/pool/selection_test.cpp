#include "picket/pool/selection.hpp"

#include <array>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::pool {
namespace {

using ::testing::Each;

/// How often each of them is picked.
template <std::size_t Size>
std::array<int, Size> picks(const std::array<Candidate, Size>& candidates, LoadBalanceStrategy strategy, int rounds) {
  SelectionState state;
  std::array<int, Size> counts{};
  for (int i = 0; i < rounds; ++i) ++counts.at(*select(candidates, strategy, 10, state).index);
  return counts;
}

TEST(Selection, RoundRobinTakesTheReadyOnesInTurn) {
  const std::vector<Candidate> candidates{{true, false, 5}, {false, false, 0}, {true, false, 0}, {true, true, 0}};
  SelectionState state;
  std::vector<std::size_t> picked;
  for (int i = 0; i < 4; ++i) picked.push_back(*select(candidates, LoadBalanceStrategy::round_robin, 10, state).index);
  EXPECT_EQ(picked, (std::vector<std::size_t>{0, 2, 0, 2}));
}

TEST(Selection, LeastConnectionsTakesTheIdlestAndSharesTies) {
  SelectionState state;
  const std::vector<Candidate> uneven{{true, false, 5}, {true, false, 2}, {true, false, 9}};
  EXPECT_EQ(select(uneven, LoadBalanceStrategy::least_connections, 10, state).index, 1U);
  const std::vector<Candidate> even(3, {true, false, 0});
  state = {};
  std::vector<std::size_t> picked;
  for (int i = 0; i < 3; ++i) picked.push_back(*select(even, LoadBalanceStrategy::least_connections, 10, state).index);
  EXPECT_EQ(picked, (std::vector<std::size_t>{0, 1, 2}));
}

TEST(Selection, RandomTakesEachFreeOneAboutAsOften) {
  const std::array<Candidate, 5> candidates{{{true}, {false}, {true}, {true, true}, {true}}};
  const auto counts = picks(candidates, LoadBalanceStrategy::random, 30'000);
  EXPECT_EQ(counts[1] + counts[3], 0);
  for (const std::size_t free : {0U, 2U, 4U}) EXPECT_NEAR(counts.at(free), 10'000, 500);
}

TEST(Selection, OfTwoAtRandomTheOneThatHasLessToDoIsTaken) {
  const std::array<Candidate, 4> candidates{{{true, false, 3}, {true, false, 0}, {true, false, 9}, {false}}};
  const auto counts = picks(candidates, LoadBalanceStrategy::p2c, 30'000);
  EXPECT_NEAR(counts[1], 20'000, 600) << "whenever it is one of the two";
  EXPECT_NEAR(counts[0], 10'000, 600) << "beside the busiest";
  EXPECT_EQ(counts[2] + counts[3], 0);
  const std::array<Candidate, 2> one{{{false}, {true}}};
  EXPECT_EQ(picks(one, LoadBalanceStrategy::p2c, 10)[1], 10) << "a single one is not compared";
}

TEST(Selection, HealthComesBeforeLatencyAndLatencyCountsWithWhatIsInFlight) {
  SelectionState state;
  const auto pick = [&](std::vector<Candidate> candidates) {
    return *select(candidates, LoadBalanceStrategy::health_based, 10, state).index;
  };
  EXPECT_EQ(pick({{.takes_new = true, .rank = 2, .latency = 1}, {.takes_new = true, .rank = 0, .latency = 900}}), 1U);
  EXPECT_EQ(pick({{.takes_new = true, .latency = 5}, {.takes_new = true, .latency = 4}}), 1U);
  EXPECT_EQ(pick({{.takes_new = true, .latency = 5}, {.takes_new = true, .in_flight = 3, .latency = 4}}), 0U);
  const std::array<Candidate, 3> even{{{true}, {true}, {true}}};
  EXPECT_THAT(picks(even, LoadBalanceStrategy::health_based, 30), Each(10));
}

TEST(Selection, FailureSaysWhatStoodInTheWay) {
  SelectionState state;
  const auto failure = [&](std::vector<Candidate> candidates) {
    const SelectionFailure first = select(candidates, LoadBalanceStrategy::round_robin, 2, state).failure;
    for (const auto strategy : {LoadBalanceStrategy::least_connections, LoadBalanceStrategy::health_based,
                                LoadBalanceStrategy::random, LoadBalanceStrategy::p2c})
      EXPECT_EQ(select(candidates, strategy, 2, state).failure, first);
    return first;
  };
  EXPECT_EQ(failure({}), SelectionFailure::none_ready);
  EXPECT_EQ(failure({{false, false, 0}}), SelectionFailure::none_ready);
  EXPECT_EQ(failure({{false, false, 0}, {false, false, 0, true}}), SelectionFailure::all_suspect);
  EXPECT_EQ(failure({{true, true, 0}, {false, false, 0, true}}), SelectionFailure::all_paused);
  EXPECT_EQ(failure({{true, true, 0}, {true, false, 2}}), SelectionFailure::all_full);
}

/// How often each is picked of a service's addresses, which are free or not.
std::vector<int> picks_by_standing(const std::vector<Candidate>& candidates, int rounds) {
  SelectionState state;
  std::vector<int> counts(candidates.size());
  for (int i = 0; i < rounds; ++i) {
    std::vector<Candidate> asked = candidates;
    if (const auto index = select_by_standing(asked, 10, state).index) ++counts.at(*index);
  }
  return counts;
}

TEST(Selection, OfAServiceEachAddressIsTakenAsOftenAsItsWeightSays) {
  const Candidate free{.takes_new = true};
  std::vector<Candidate> candidates(3, free);
  candidates[0].standing = {.priority = 1, .weight = 10};
  candidates[1].standing = {.priority = 1, .weight = 30};
  candidates[2].standing = {.priority = 1, .weight = 0};
  const auto counts = picks_by_standing(candidates, 40'000);
  EXPECT_NEAR(counts[0], 10'000, 600);
  EXPECT_NEAR(counts[1], 30'000, 600);
  EXPECT_LT(counts[2], 100) << "hardly ever";
}

TEST(Selection, OfAServiceALaterPriorityServesOnlyWhereNoEarlierOneTakesAnything) {
  const Candidate free{.takes_new = true};
  std::vector<Candidate> candidates(2, free);
  candidates[0].standing = {.priority = 1, .weight = 1};
  candidates[1].standing = {.priority = 2, .weight = 100};
  EXPECT_EQ(picks_by_standing(candidates, 100), (std::vector{100, 0}));
  candidates[0].takes_new = false;
  EXPECT_EQ(picks_by_standing(candidates, 100), (std::vector{0, 100}));
  candidates[1].in_flight = 10;
  SelectionState state;
  EXPECT_EQ(select_by_standing(candidates, 10, state).failure, SelectionFailure::all_full);
}

}  // namespace
}  // namespace picket::pool
