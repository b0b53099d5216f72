#include "apps/gateway/descriptors.hpp"

#include <gtest/gtest.h>

namespace picket::apps::gateway {
namespace {

config::Config config_with(std::size_t agents) {
  config::Config config;
  config.listeners.resize(1);
  config.agents.resize(agents);
  return config;
}

TEST(Descriptors, EveryClientHasOneForItsUpstreamBesideAReserve) {
  const auto clients = connections_within(1024, config_with(0), 2);
  ASSERT_TRUE(clients);
  EXPECT_GT(*clients, 400U);
  EXPECT_LT(*clients, 512U);
}

TEST(Descriptors, AgentsAndWorkersTakeTheirs) {
  const auto few = connections_within(1024, config_with(1), 1);
  EXPECT_GT(*few, *connections_within(1024, config_with(5), 1));
  EXPECT_GT(*few, *connections_within(1024, config_with(1), 4));
}

TEST(Descriptors, ALimitBelowTheReserveIsAnErrorThatSaysWhatIsNeeded) {
  const auto clients = connections_within(32, config_with(1), 2);
  ASSERT_FALSE(clients);
  EXPECT_NE(clients.error().detail().find("32 open descriptors"), std::string::npos);
}

TEST(Descriptors, NoLimitIsNoCap) { EXPECT_GT(*connections_within(UINT64_MAX, config_with(0), 1), 1'000'000U); }

}  // namespace
}  // namespace picket::apps::gateway
