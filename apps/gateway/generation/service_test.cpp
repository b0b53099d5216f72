#include "apps/gateway/generation/service.hpp"

#include <gtest/gtest.h>
#include <spdlog/logger.h>

#include "picket/transport/testing.hpp"

namespace picket::apps::gateway::generation {
namespace {

/// Services of one generation after the other, each as a reload makes them.
class Services : public ::testing::Test {
 protected:
  Services() {
    config_.listeners.push_back({.id = "web", .host = "127.0.0.1", .port = 8080});
    config_.listeners.push_back({.id = "six", .host = "::1", .port = 8080});
    config_.upstreams.push_back({.id = "app", .targets = {{.host = "127.0.0.1", .port = 1}}});
    config_.upstreams.push_back({.id = "api", .targets = {{.host = "127.0.0.1", .port = 2}}});
    config_.routes.push_back({.id = "api", .matches = {.path = "/api"}, .upstream = 1});
    config_.routes.push_back({.id = "all"});
  }
  std::shared_ptr<Service> make(const Service* previous = nullptr) {
    const Generation* const before = previous != nullptr ? previous->generation.get() : nullptr;
    auto generation = Generation::make(config_, 1, before, closer_, log_);
    EXPECT_TRUE(generation) << generation.error().message();
    return Service::create(worker_, shard_, std::move(*generation), previous).value();
  }

  transport::testing::TemporaryFolder folder_;
  spdlog::logger log_{"nowhere"};
  LogCloser closer_;
  transport::Worker worker_;
  ShardState shard_{.log = log_, .hangups = transport::HangupMonitor{worker_}};
  config::Config config_;
};

TEST_F(Services, FindTheListenerOfAnAddress) {
  const auto service = make();
  EXPECT_EQ(service->listener("127.0.0.1:8080").id, "web");
  EXPECT_EQ(service->listener("[::1]:8080").id, "six");
  EXPECT_EQ(service->listener("127.0.0.1:8081").id, "");
}

TEST_F(Services, KeepThePoolsOfUpstreamsThatStayAsTheyAre) {
  const auto first = make();
  std::swap(config_.upstreams[0], config_.upstreams[1]);
  config_.upstreams[0].targets[0].port = 3;  // "api"
  const auto second = make(first.get());
  EXPECT_EQ(second->upstreams[1], first->upstreams[0]);
  EXPECT_NE(second->upstreams[0], first->upstreams[1]);
  EXPECT_EQ(second->upstreams[0]->id(), "api");
}

TEST_F(Services, OtherResolversAreAChangeOnlyOfUpstreamsWithANameAmongTheirTargets) {
  config_.upstreams[0].targets.push_back({.host = "app.invalid", .port = 1, .is_named = true});
  config_.system.resolvers = {"127.0.0.1:1"};
  const auto first = make();
  EXPECT_EQ(make(first.get())->upstreams[0], first->upstreams[0]);
  config_.system.resolvers = {"127.0.0.1:2"};
  const auto second = make(first.get());
  EXPECT_NE(second->upstreams[0], first->upstreams[0]);
  EXPECT_EQ(second->upstreams[1], first->upstreams[1]);
}

TEST_F(Services, WaitForTheFirstLookUpOfANameHoweverItEnds) {
  EXPECT_TRUE(make()->readiness().is_complete);
  config_.upstreams[0].targets[0] = {.host = "app.invalid", .port = 1, .is_named = true};
  config_.system.resolvers = {"127.0.0.1:1"};
  const auto service = make();
  EXPECT_FALSE(service->readiness().is_complete);
  EXPECT_TRUE(transport::testing::turn_until(worker_, [&] { return service->readiness().is_complete; }));
}

TEST_F(Services, ThatKnowNoAddressOfAnUpstreamDoNotTakeTheOldOnesPlace) {
  const auto first = make();
  config_.upstreams[0].targets[0] = {.host = "app.invalid", .port = 1, .is_named = true};
  config_.system.resolvers = {"127.0.0.1:1"};
  const auto second = make(first.get());
  ASSERT_TRUE(transport::testing::turn_until(worker_, [&] { return second->upstreams[0]->sites().is_settled(); }));
  const Readiness state = second->readiness();
  EXPECT_FALSE(state.is_complete);
  ASSERT_TRUE(state.missing);
  EXPECT_NE(state.missing->find("upstream \"app\" has no address: 'app.invalid' cannot be looked up"),
            std::string::npos)
      << *state.missing;
}

TEST_F(Services, CountForAnAgentOfAnIdInOnePlaceAcrossGenerations) {
  config_.agents.push_back({.id = "a", .path = (folder_.path() / "a").string()});
  const auto first = make();
  first->agent_counters[0]->blocked.add(3);
  config_.agents.insert(config_.agents.begin(), {.id = "b", .path = (folder_.path() / "b").string()});
  const auto second = make(first.get());
  EXPECT_EQ(second->agent_counters[1], first->agent_counters[0]);
  EXPECT_EQ(second->agent_counters[1]->blocked.value(), 3U);
  EXPECT_NE(second->agent_counters[0], first->agent_counters[0]);
}

TEST_F(Services, HaveAChainForEachRoute) {
  config_.agents.push_back({.id = "a", .path = (folder_.path() / "a").string()});
  config_.filters.push_back({.id = "a"});
  config_.routes[0].filters = {0};
  const auto service = make();
  EXPECT_EQ(service->chain(service->config.routes[0]).filters.size(), 1U);
  EXPECT_TRUE(service->chain(service->config.routes[1]).filters.empty());
}

TEST_F(Services, WriteTheLogsThatAreConfiguredAndKeepThoseThatStay) {
  EXPECT_FALSE(make()->access.is_written());
  config_.observability.access_log = (folder_.path() / "access.log").string();
  const auto first = make();
  EXPECT_TRUE(first->access.is_written());
  config_.routes.pop_back();
  const auto second = make(first.get());
  EXPECT_EQ(second->generation->logs, first->generation->logs);
  config_.observability.access_log = (folder_.path() / "other.log").string();
  EXPECT_NE(make(second.get())->generation->logs, first->generation->logs);
}

TEST_F(Services, AreNotMadeWhereALogCannotBeWritten) {
  config_.observability.audit_log = (folder_.path() / "nowhere" / "audit.log").string();
  EXPECT_EQ(Generation::make(config_, 1, nullptr, closer_, log_).error().kind(), base::ErrorKind::io);
}

}  // namespace
}  // namespace picket::apps::gateway::generation
