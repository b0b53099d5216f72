#include "apps/gateway/upstream/balancer.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::apps::gateway::upstream {
namespace {

using namespace std::chrono_literals;
using config::LoadBalancing;
using ::testing::ElementsAre;

constexpr base::TimePoint start{1000s};

/// Sites of one weight each, called by their number.
class Turns {
 public:
  explicit Turns(const std::vector<std::uint32_t>& weights, LoadBalancing strategy = LoadBalancing::round_robin,
                 base::Duration slow_start = 0s)
      : balancer_(strategy, slow_start, 1) {
    for (const std::uint32_t weight : weights) {
      const auto number = static_cast<std::uint16_t>(80 + sites.size());
      const auto address = transport::Endpoint::tcp("192.0.2.1", number).value();
      sites.push_back(new Site{transport::Destination::sharing(address, nullptr), sites.size(), weight});
    }
  }
  Site* pick(const Tried& tried = {}, base::TimePoint now = start, std::uint64_t key = 0) const {
    return balancer_.choose(sites, tried, now, key);
  }
  /// The next `count`, nothing failing and nothing lasting.
  std::vector<std::size_t> picks(std::size_t count, base::TimePoint now = start) const {
    std::vector<std::size_t> result;
    for (std::size_t i = 0; i < count; ++i) result.push_back(pick({}, now)->target);
    return result;
  }
  /// As a request tries one after the other.
  std::vector<std::size_t> all_in_turn() const {
    Tried tried;
    std::vector<std::size_t> result;
    while (Site* const site = pick(tried)) {
      result.push_back(site->target);
      tried.failures.push_back({site, base::Error{base::ErrorKind::connection_failed}});
      if (result.size() > sites.size()) break;
    }
    return result;
  }
  std::vector<SitePtr> sites;

 private:
  mutable Balancer balancer_;
};

TEST(Balancer, EqualTargetsTakeTurns) { EXPECT_THAT(Turns({1, 1, 1}).picks(6), ElementsAre(0, 1, 2, 0, 1, 2)); }

TEST(Balancer, WeightsSpreadSmoothlyAndExactly) {
  const Turns turns({5, 1, 1});
  // As Nginx's smooth weighted round robin has it: the heavy one never takes its five in a row.
  EXPECT_THAT(turns.picks(7), ElementsAre(0, 0, 1, 0, 2, 0, 0));
  EXPECT_THAT(turns.picks(7), ElementsAre(0, 0, 1, 0, 2, 0, 0));
}

TEST(Balancer, LeastConnectionsComparesActiveRequestsPerWeight) {
  const Turns least({1, 3}, LoadBalancing::least_connections);
  std::map<std::size_t, int> active;
  for (int i = 0; i < 40; ++i) {
    Site* const site = least.pick();
    site->began();
    ++active[site->target];
  }
  EXPECT_EQ(active[0], 10);
  EXPECT_EQ(active[1], 30);
  for (int i = 0; i < 5; ++i) least.sites[0]->ended();
  EXPECT_EQ(least.pick()->target, 0U);
}

TEST(Balancer, LeastConnectionsTakesTurnsWhereNothingIsActive) {
  EXPECT_THAT(Turns({1, 1, 1}, LoadBalancing::least_connections).picks(6), ElementsAre(0, 1, 2, 0, 1, 2));
}

TEST(Balancer, AFailedTargetRestsAndReturns) {
  const Turns turns({1, 1});
  turns.sites[0]->health.failed(resting_at_once, true, start);
  EXPECT_THAT(turns.picks(3, start + resting_at_once.rest - 1ms), ElementsAre(1, 1, 1));
  EXPECT_THAT(turns.picks(4, start + resting_at_once.rest), ::testing::Contains(0U).Times(2));
}

TEST(Balancer, SuccessEndsARest) {
  const Turns turns({1, 1});
  turns.sites[0]->health.failed(resting_at_once, true, start);
  turns.sites[0]->health.succeeded(start);
  EXPECT_THAT(turns.picks(4), ElementsAre(0, 1, 0, 1));
}

TEST(Balancer, WhenAllRestTheyAreTriedAllTheSame) {
  const Turns turns({1, 1});
  for (const SitePtr& site : turns.sites) site->health.failed(resting_at_once, true, start);
  EXPECT_THAT(turns.picks(4), ElementsAre(0, 1, 0, 1));
}

TEST(Balancer, RestingTargetsAreTheLastResortBehindUntriedOnes) {
  const Turns turns({1, 1, 1});
  turns.sites[1]->health.failed(resting_at_once, true, start);
  EXPECT_THAT(turns.all_in_turn(), ElementsAre(0, 2, 1));
}

TEST(Balancer, EachOfManyTargetsIsTriedOnce) {
  constexpr std::size_t count = 200;
  const Turns turns(std::vector<std::uint32_t>(count, 1));
  auto tried = turns.all_in_turn();
  std::ranges::sort(tried);
  std::vector<std::size_t> all(count);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(tried, all);
}

TEST(Balancer, ChanceGivesEachTargetItsShare) {
  for (const LoadBalancing strategy : {LoadBalancing::random, LoadBalancing::p2c}) {
    const Turns turns({1, 3}, strategy);
    std::map<std::size_t, int> taken;
    for (int i = 0; i < 4000; ++i) {
      Site* const site = turns.pick();
      ++taken[site->target];
      site->began();  // nothing ends: who is chosen too often has more to do
    }
    EXPECT_NEAR(taken[0], 1000, 150) << static_cast<int>(strategy);
  }
}

TEST(Balancer, OfTwoTheLessLoadedIsTaken) {
  const Turns turns({1, 1}, LoadBalancing::p2c);
  turns.sites[0]->began();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(turns.pick()->target, 1U);
}

TEST(Balancer, AKeyStaysWithItsTargetAndKeysAreSharedOutByWeight) {
  const Turns turns({1, 1, 2}, LoadBalancing::consistent_hash);
  std::map<std::size_t, int> taken;
  for (std::uint64_t key = 0; key < 4000; ++key) {
    Site* const site = turns.pick({}, start, hash_of(std::to_string(key)));
    EXPECT_EQ(turns.pick({}, start, hash_of(std::to_string(key))), site);
    ++taken[site->target];
  }
  EXPECT_NEAR(taken[0], 1000, 150);
  EXPECT_NEAR(taken[2], 2000, 200);
}

TEST(Balancer, WhenATargetIsDownOnlyItsKeysMove) {
  const Turns turns({1, 1, 1}, LoadBalancing::ip_hash);
  std::map<std::uint64_t, std::size_t> before;
  for (std::uint64_t key = 0; key < 300; ++key)
    before[key] = turns.pick({}, start, hash_of(std::to_string(key)))->target;
  turns.sites[1]->health.failed(resting_at_once, true, start);
  std::set<std::size_t> heirs;
  for (const auto& [key, target] : before) {
    const std::size_t now = turns.pick({}, start, hash_of(std::to_string(key)))->target;
    if (target == 1) {
      heirs.insert(now);
    } else {
      EXPECT_EQ(now, target) << key;
    }
  }
  EXPECT_THAT(heirs, ElementsAre(0, 2)) << "its keys are shared out";
}

TEST(Balancer, WhoReturnsStartsSlowly) {
  const Turns turns({1, 1}, LoadBalancing::round_robin, 10s);
  turns.sites[0]->health.failed(resting_at_once, true, start);
  const auto taken = [&](base::TimePoint now) { return std::ranges::count(turns.picks(110, now), 0U); };
  const base::TimePoint back = start + resting_at_once.rest;
  EXPECT_EQ(taken(back), 10) << "a tenth of its weight";
  EXPECT_NEAR(static_cast<double>(taken(back + 5s)), 37, 2) << "half of it";
  EXPECT_EQ(taken(back + 10s), 55);
}

TEST(Balancer, WithoutTargetsThereIsNothingToPick) { EXPECT_EQ(Turns({}).pick(), nullptr); }

}  // namespace
}  // namespace picket::apps::gateway::upstream
