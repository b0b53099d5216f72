#include "picket/pool/config.hpp"

#include <functional>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::pool {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

TEST(PoolConfig, DefaultsAndPresetsAreInTheirRanges) {
  EXPECT_FALSE(Config{}.problem());
  EXPECT_FALSE(Config::high_throughput().problem());
  EXPECT_FALSE(Config::low_latency().problem());
  EXPECT_FALSE(AgentSpec{}.problem());
}

TEST(PoolConfig, WhatIsOutOfItsRangeIsNamed) {
  constexpr std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
  struct Case {
    std::string_view problem;
    std::function<void(Config&)> spoil;
  };
  const Case cases[] = {
      {"connections_per_agent is 0; it may be from 1 to 65536", [](auto& c) { c.connections_per_agent = 0; }},
      {"connections_per_agent is 65537;", [](auto& c) { c.connections_per_agent = 65'537; }},
      {"load_balance_strategy is 7", [](auto& c) { c.load_balance_strategy = static_cast<LoadBalanceStrategy>(7); }},
      {"connect_timeout is 0 ms; it may be from 1 to 86400000 ms", [](auto& c) { c.connect_timeout = {}; }},
      {"connect_timeout is 0.5 ms", [](auto& c) { c.connect_timeout = 500us; }},
      {"connect_timeout is 86400001 ms", [](auto& c) { c.connect_timeout = 24h + 1ms; }},
      {"request_timeout is -1 ms", [](auto& c) { c.request_timeout = -1ms; }},
      {"request_timeout is", [](auto& c) { c.request_timeout = base::Duration::max(); }},
      {"reconnect_interval is 0 ms", [](auto& c) { c.reconnect_interval = 0ms; }},
      {"max_reconnect_interval is -5000 ms", [](auto& c) { c.max_reconnect_interval = -5s; }},
      {"drain_timeout is -1 ms; it may be from 0 to", [](auto& c) { c.drain_timeout = -1ms; }},
      {"max_concurrent_per_connection is 0", [](auto& c) { c.max_concurrent_per_connection = 0; }},
      {"max_concurrent_per_connection is 4294967295", [](auto& c) { c.max_concurrent_per_connection = most; }},
      {"health_check_interval is 0 ms", [](auto& c) { c.health_check_interval = {}; }},
      {"channel_buffer_size is 4294967295", [](auto& c) { c.channel_buffer_size = most; }},
      {"sticky_session_timeout is -1 ms; it may be from 0 to", [](auto& c) { c.sticky_session_timeout = -1ms; }},
      {"max_sticky_sessions is 4294967295", [](auto& c) { c.max_sticky_sessions = most; }},
      {"correlation_affinity_ttl is 0 ms; it may be from 1 to", [](auto& c) { c.correlation_affinity_ttl = {}; }},
      {"max_correlation_affinities is 0; it may be from 1 to", [](auto& c) { c.max_correlation_affinities = 0; }},
      {"max_correlation_affinities is 4294967295", [](auto& c) { c.max_correlation_affinities = most; }},
      {"hedge.after is 1;", [](auto& c) { c.hedge = HedgeConfig{.after = 1}; }},
      {"hedge.budget is 0;", [](auto& c) { c.hedge = HedgeConfig{.budget = 0}; }},
      {"flow_control_mode is 3", [](auto& c) { c.flow_control_mode = static_cast<FlowControlMode>(3); }},
      {"flow_control_wait_timeout is -1 ms", [](auto& c) { c.flow_control_wait_timeout = -1ms; }}};
  for (const auto& [problem, spoil] : cases) {
    Config config;
    spoil(config);
    ASSERT_TRUE(config.problem()) << problem;
    EXPECT_THAT(*config.problem(), HasSubstr(std::string{problem}));
    EXPECT_EQ(AgentSpec{.config = config}.problem(), config.problem());
  }
}

TEST(PoolConfig, WhatOfAnAgentIsOutOfItsRangeIsNamed) {
  const auto problem = [](AgentSpec spec) { return spec.problem().value_or("none"); };
  Config hedged;
  hedged.hedge.emplace();
  EXPECT_EQ(problem({.config = hedged}), "none");
  EXPECT_EQ(
      problem({.events = {wire::EventKind::request_headers, wire::EventKind::guardrail_inspect}, .config = hedged}),
      "none");
  EXPECT_THAT(problem({.events = {wire::EventKind::request_body_chunk}, .config = hedged}),
              HasSubstr("hedge is for agents that are asked about request_headers and guardrails alone"));
  EXPECT_THAT(problem({.max_concurrent_calls = 0}), HasSubstr("max_concurrent_calls is 0"));
  EXPECT_THAT(problem({.breaker = {.failure_threshold = 0}}), HasSubstr("failure_threshold is 0"));
  EXPECT_THAT(problem({.breaker = {.success_threshold = 0}}), HasSubstr("success_threshold is 0"));
  EXPECT_THAT(problem({.breaker = {.open_for = -1s}}), HasSubstr("open_for is -1000 ms"));
  EXPECT_THAT(problem({.breaker = {.half_open_max_requests = 0}}), HasSubstr("half_open_max_requests is 0"));
}

TEST(PoolConfig, EdgesOfTheRangesAreInThem) {
  const Config least{.connections_per_agent = 1,
                     .connect_timeout = 1ms,
                     .request_timeout = 1ms,
                     .reconnect_interval = 1ms,
                     .max_reconnect_interval = 1ms,
                     .max_reconnect_attempts = 0,
                     .drain_timeout = 0ms,
                     .max_concurrent_per_connection = 1,
                     .health_check_interval = 1ms,
                     .channel_buffer_size = 0,
                     .flow_control_wait_timeout = 0ms};
  EXPECT_EQ(least.problem(), std::nullopt);
  const Config most{.connections_per_agent = 65'536,
                    .connect_timeout = 24h,
                    .request_timeout = 24h,
                    .reconnect_interval = 1h,
                    .max_reconnect_interval = 24h,
                    .max_reconnect_attempts = std::numeric_limits<std::uint32_t>::max(),
                    .drain_timeout = 24h,
                    .max_concurrent_per_connection = 1'000'000,
                    .health_check_interval = 24h,
                    .channel_buffer_size = 1'000'000,
                    .flow_control_wait_timeout = 1h};
  EXPECT_EQ(most.problem(), std::nullopt);
}

}  // namespace
}  // namespace picket::pool
