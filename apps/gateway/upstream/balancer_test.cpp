#include "apps/gateway/upstream/balancer.hpp"

#include <map>
#include <numeric>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::apps::gateway::upstream {
namespace {

using namespace std::chrono_literals;
using config::LoadBalancing;
using ::testing::ElementsAre;

constexpr base::TimePoint start{1000s};

Balancer balancer(std::vector<std::uint32_t> weights, LoadBalancing strategy = LoadBalancing::round_robin) {
  std::vector<config::Target> targets;
  for (const std::uint32_t weight : weights) targets.push_back({.host = "192.0.2.1", .port = 80, .weight = weight});
  return Balancer{targets, strategy};
}

/// The next `count` targets, nothing failing and nothing lasting.
std::vector<std::size_t> picks(Balancer& balancer, std::size_t count, base::TimePoint now = start) {
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < count; ++i) result.push_back(balancer.pick({}, now).value());
  return result;
}

TEST(Balancer, EqualTargetsTakeTurns) {
  auto turns = balancer({1, 1, 1});
  EXPECT_THAT(picks(turns, 6), ElementsAre(0, 1, 2, 0, 1, 2));
}

TEST(Balancer, WeightsSpreadSmoothlyAndExactly) {
  auto turns = balancer({5, 1, 1});
  // As Nginx's smooth weighted round robin has it: the heavy one never takes its five in a row.
  EXPECT_THAT(picks(turns, 7), ElementsAre(0, 0, 1, 0, 2, 0, 0));
  EXPECT_THAT(picks(turns, 7), ElementsAre(0, 0, 1, 0, 2, 0, 0));
}

TEST(Balancer, LeastConnectionsComparesActiveRequestsPerWeight) {
  auto least = balancer({1, 3}, LoadBalancing::least_connections);
  std::map<std::size_t, int> active;
  for (int i = 0; i < 40; ++i) {
    const std::size_t target = least.pick({}, start).value();
    least.began(target);
    ++active[target];
  }
  EXPECT_EQ(active[0], 10);
  EXPECT_EQ(active[1], 30);
  for (int i = 0; i < 5; ++i) least.ended(0);
  EXPECT_EQ(least.pick({}, start), 0U);
}

TEST(Balancer, LeastConnectionsTakesTurnsWhereNothingIsActive) {
  auto least = balancer({1, 1, 1}, LoadBalancing::least_connections);
  EXPECT_THAT(picks(least, 6), ElementsAre(0, 1, 2, 0, 1, 2));
}

TEST(Balancer, AFailedTargetRestsAndReturns) {
  auto turns = balancer({1, 1});
  turns.failed(0, start);
  EXPECT_THAT(picks(turns, 3, start + Balancer::rest_after_failure - 1ms), ElementsAre(1, 1, 1));
  EXPECT_THAT(picks(turns, 4, start + Balancer::rest_after_failure), ::testing::Contains(0U).Times(2));
}

TEST(Balancer, SuccessEndsARest) {
  auto turns = balancer({1, 1});
  turns.failed(0, start);
  turns.succeeded(0);
  EXPECT_THAT(picks(turns, 4), ElementsAre(0, 1, 0, 1));
}

TEST(Balancer, WhenAllRestTheyAreTriedAllTheSame) {
  auto turns = balancer({1, 1});
  turns.failed(0, start);
  turns.failed(1, start);
  EXPECT_THAT(picks(turns, 4), ElementsAre(0, 1, 0, 1));
}

TEST(Balancer, RestingTargetsAreTheLastResortBehindUntriedOnes) {
  auto turns = balancer({1, 1, 1});
  turns.failed(1, start);
  std::vector<std::size_t> tried;
  while (const auto target = turns.pick(tried, start)) tried.push_back(*target);
  EXPECT_THAT(tried, ElementsAre(0, 2, 1));
}

TEST(Balancer, EachOfManyTargetsIsTriedOnce) {
  constexpr std::size_t count = 200;
  auto turns = balancer(std::vector<std::uint32_t>(count, 1));
  std::vector<std::size_t> tried;
  while (const auto target = turns.pick(tried, start)) {
    ASSERT_LT(tried.size(), count);
    tried.push_back(*target);
  }
  std::ranges::sort(tried);
  std::vector<std::size_t> all(count);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(tried, all);
}

TEST(Balancer, WithoutTargetsThereIsNothingToPick) {
  auto none = balancer({});
  EXPECT_EQ(none.pick({}, start), std::nullopt);
}

}  // namespace
}  // namespace picket::apps::gateway::upstream
