#include "apps/gateway/upstream/balancer.hpp"

#include <algorithm>
#include <map>
#include <numeric>
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
  explicit Turns(const std::vector<std::uint32_t>& weights, LoadBalancing strategy = LoadBalancing::round_robin)
      : strategy_(strategy) {
    const auto address = transport::Endpoint::tcp("192.0.2.1", 80).value();
    for (const std::uint32_t weight : weights)
      sites.push_back(new Site{transport::Destination::sharing(address, nullptr), sites.size(), weight});
  }
  Site* pick(const Tried& tried = {}, base::TimePoint now = start) const {
    return choose(sites, strategy_, tried, now);
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
  LoadBalancing strategy_;
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
  turns.sites[0]->failed(start);
  EXPECT_THAT(turns.picks(3, start + Site::rest_after_failure - 1ms), ElementsAre(1, 1, 1));
  EXPECT_THAT(turns.picks(4, start + Site::rest_after_failure), ::testing::Contains(0U).Times(2));
}

TEST(Balancer, SuccessEndsARest) {
  const Turns turns({1, 1});
  turns.sites[0]->failed(start);
  turns.sites[0]->succeeded();
  EXPECT_THAT(turns.picks(4), ElementsAre(0, 1, 0, 1));
}

TEST(Balancer, WhenAllRestTheyAreTriedAllTheSame) {
  const Turns turns({1, 1});
  for (const SitePtr& site : turns.sites) site->failed(start);
  EXPECT_THAT(turns.picks(4), ElementsAre(0, 1, 0, 1));
}

TEST(Balancer, RestingTargetsAreTheLastResortBehindUntriedOnes) {
  const Turns turns({1, 1, 1});
  turns.sites[1]->failed(start);
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

TEST(Balancer, WithoutTargetsThereIsNothingToPick) { EXPECT_EQ(Turns({}).pick(), nullptr); }

}  // namespace
}  // namespace picket::apps::gateway::upstream
