#include "apps/gateway/process/descriptors.hpp"

#include <gtest/gtest.h>

namespace picket::apps::gateway::process {
namespace {

config::Config config_with(std::size_t agents) {
  config::Config config;
  config.listeners.resize(1);
  config.agents.resize(agents);
  return config;
}

TEST(Descriptors, EveryClientHasOneForItsUpstreamBesideAReserve) {
  const auto shares = share_descriptors(1024, config_with(0), 2);
  ASSERT_TRUE(shares);
  EXPECT_GT(shares->clients, 400U);
  EXPECT_GE(shares->upstreams, shares->clients);
  EXPECT_EQ(shares->reserved + shares->clients + shares->upstreams, 1024U);
}

TEST(Descriptors, WhatClientsDoNotWantIsForUpstreams) {
  config::Config config = config_with(0);
  config.system.max_connections = 10;
  const auto shares = share_descriptors(1024, config, 1);
  ASSERT_TRUE(shares);
  EXPECT_EQ(shares->clients, 10U);
  EXPECT_GT(shares->upstreams, 900U);
}

TEST(Descriptors, AgentsAndWorkersTakeTheirs) {
  const auto few = share_descriptors(1024, config_with(1), 1);
  EXPECT_GT(few->clients, share_descriptors(1024, config_with(5), 1)->clients);
  EXPECT_GT(few->clients, share_descriptors(1024, config_with(1), 4)->clients);
}

TEST(Descriptors, AnAgentThatIsReachedByANameMayHaveSeveralAddresses) {
  config::Config named = config_with(1);
  named.agents[0].is_named = true;
  EXPECT_LT(share_descriptors(1024, named, 1)->clients, share_descriptors(1024, config_with(1), 1)->clients);
}

TEST(Descriptors, AnUpstreamThatIsReachedByANameIsLookedUp) {
  config::Config numbered = config_with(1);
  numbered.upstreams.push_back({.id = "app", .targets = {{.host = "127.0.0.1", .port = 80}}});
  config::Config named = numbered;
  named.upstreams[0].targets[0].is_named = true;
  EXPECT_LT(share_descriptors(1024, named, 1)->clients, share_descriptors(1024, numbered, 1)->clients);
}

TEST(Descriptors, AChecksSocketIsNobodysElse) {
  config::Config unchecked = config_with(1);
  unchecked.upstreams.push_back({.id = "app", .targets = {{.host = "127.0.0.1", .port = 80}}});
  config::Config checked = unchecked;
  checked.upstreams[0].health_check.emplace();
  EXPECT_GT(share_descriptors(1024, checked, 1)->reserved, share_descriptors(1024, unchecked, 1)->reserved);
}

TEST(Descriptors, ALimitBelowTheReserveIsAnErrorThatSaysWhatIsNeeded) {
  const auto shares = share_descriptors(32, config_with(1), 2);
  ASSERT_FALSE(shares);
  EXPECT_NE(shares.error().detail().find("32 open descriptors"), std::string::npos);
}

TEST(Descriptors, NoLimitIsNoCap) {
  EXPECT_EQ(share_descriptors(UINT64_MAX, config_with(0), 1)->clients, config::System{}.max_connections);
}

}  // namespace
}  // namespace picket::apps::gateway::process
