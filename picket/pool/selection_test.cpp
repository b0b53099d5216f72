#include "picket/pool/selection.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace picket::pool {
namespace {

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
  EXPECT_EQ(failure({{false, false, 0}, {false, false, 0, true}}), SelectionFailure::all_suspect);
  EXPECT_EQ(failure({{true, true, 0}, {false, false, 0, true}}), SelectionFailure::all_paused);
  EXPECT_EQ(failure({{true, true, 0}, {true, false, 2}}), SelectionFailure::all_full);
}

}  // namespace
}  // namespace picket::pool
