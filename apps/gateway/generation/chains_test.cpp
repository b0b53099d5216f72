#include "apps/gateway/generation/chains.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picket/inspection/counters.hpp"
#include "picket/pool/agent.hpp"

namespace picket::apps::gateway::generation {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(Chains, HaveEachRoutesFiltersInOrderWithWhatTheConfigurationSaysOfThem) {
  config::Config config;
  config.agents.push_back({.id = "waf",
                           .events = {.request_headers = true, .request_body = true},
                           .buffer_size = 4096,
                           .chunk_timeout = config::milliseconds{20},
                           .request_body = {.holds = 1000},
                           .response_body = {.holds = 900, .gathers = 0, .holds_back = 30},
                           .stickiness = {.by = inspection::Stickiness::By::client_ip}});
  config.agents.push_back({.id = "login", .events = {.response_headers = true}});
  config.filters.push_back({.id = "waf", .agent = 0, .timeout = config::milliseconds{30}});
  config.filters.push_back({.id = "login", .agent = 1, .failure_mode = config::FailureMode::open});
  config.routes.push_back({.id = "both", .filters = {1, 0}});
  config.routes.push_back({.id = "none"});
  config.limits = {.max_header_size = 8000, .max_header_count = 50, .max_body_size = 70'000};
  transport::Worker worker;
  std::vector<std::shared_ptr<pool::Agent>> agents;
  for (const auto& agent : config.agents) {
    auto made = pool::Agent::make(worker, {.id = agent.id, .endpoint = "unix:/nowhere"}, {}, nullptr);
    ASSERT_TRUE(made);
    agents.push_back(std::move(*made));
  }
  std::vector<inspection::AgentCounters> counters(2);
  const std::vector<inspection::AgentCounters*> both{&counters[0], &counters[1]};

  const auto chains = make_chains(config, agents, both);
  ASSERT_THAT(chains, SizeIs(2));
  ASSERT_THAT(chains[0].filters, SizeIs(2));
  EXPECT_THAT(chains[1].filters, IsEmpty());
  const auto& login = chains[0].filters[0];
  EXPECT_EQ(login.agent, agents[1].get());
  EXPECT_EQ(login.counters, both[1]);
  EXPECT_TRUE(login.events.response_headers && !login.events.request_headers);
  EXPECT_EQ(login.failure_mode, inspection::FailureMode::open);
  const auto& waf = chains[0].filters[1];
  EXPECT_EQ(waf.agent, agents[0].get());
  EXPECT_EQ(waf.failure_mode, inspection::FailureMode::closed);
  EXPECT_EQ(waf.timeout, config::milliseconds{30});
  EXPECT_EQ(waf.request_body.holds, 1000U);
  EXPECT_EQ(waf.response_body.gathers, 0U);
  EXPECT_EQ(waf.response_body.holds_back, 30U);
  EXPECT_EQ(waf.chunk_timeout, config::milliseconds{20});
  EXPECT_EQ(waf.chunk_size, 4096U);
  EXPECT_EQ(waf.stickiness.by, inspection::Stickiness::By::client_ip);
  EXPECT_FALSE(chains[0].guardrail);
  EXPECT_EQ(chains[0].max_added_fields, 50U);
  EXPECT_EQ(chains[0].max_added_bytes, 8000U);
  EXPECT_EQ(chains[0].max_body_size, 70'000U);
}

TEST(Chains, HaveAGuardrailAsOneOfTheirFiltersOrBehindThem) {
  config::Config config;
  config.agents.push_back({.id = "both", .events = {.request_headers = true, .guardrail = true}});
  config.agents.push_back({.id = "guard", .events = {.guardrail = true}, .failure_mode = config::FailureMode::open});
  config.filters.push_back({.id = "both", .agent = 0});
  config.routes.push_back({.id = "one", .filters = {0}, .guardrail = config::Guardrail{.agent = 0, .window = 32}});
  config.routes.push_back({.id = "two", .filters = {0}, .guardrail = config::Guardrail{.agent = 1}});
  transport::Worker worker;
  std::vector<std::shared_ptr<pool::Agent>> agents;
  for (const auto& agent : config.agents)
    agents.push_back(*pool::Agent::make(worker, {.id = agent.id, .endpoint = "unix:/nowhere"}, {}, nullptr));
  std::vector<inspection::AgentCounters> counters(2);
  const std::vector<inspection::AgentCounters*> both{&counters[0], &counters[1]};

  const auto chains = make_chains(config, agents, both);
  ASSERT_THAT(chains[0].filters, SizeIs(1));
  EXPECT_EQ(chains[0].guardrail->filter, 0U);
  EXPECT_EQ(chains[0].guardrail->window, 32U);
  EXPECT_EQ(chains[0].guardrail->route, "one");
  EXPECT_TRUE(chains[0].decompress && chains[0].filters[0].decompress && chains[0].filters[0].events.request_headers);
  ASSERT_THAT(chains[1].filters, SizeIs(2));
  EXPECT_EQ(chains[1].guardrail->filter, 1U);
  EXPECT_EQ(chains[1].filters[1].agent, agents[1].get());
  EXPECT_EQ(chains[1].filters[1].failure_mode, inspection::FailureMode::open);
  EXPECT_FALSE(chains[1].filters[0].decompress);
}

}  // namespace
}  // namespace picket::apps::gateway::generation
