#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/gateway/config/load.hpp"
#include "apps/gateway/config/testing/loading.hpp"

namespace picket::apps::gateway::config {
namespace {

using pool::FlowControlMode;
using pool::LoadBalanceStrategy;
using testing::base;
using testing::every_setting;

class LoadAgents : public testing::Loading {};

TEST_F(LoadAgents, LeastAgentHasEveryDefault) {
  const Agent a = agent("");
  EXPECT_EQ(a.id, "a");
  EXPECT_EQ(a.type, "a");
  EXPECT_EQ(a.transport, AgentTransport::binary_uds);
  EXPECT_EQ(a.path, "/s");
  EXPECT_TRUE(a.events.request_headers);
  EXPECT_FALSE(a.events.request_body || a.events.response_headers || a.events.request_complete);
  EXPECT_FALSE(a.buffer_size.has_value()) << "what it is depends on the agent";
  EXPECT_FALSE(a.declared_events_only);
  EXPECT_EQ(a.max_waiting_calls, 1'024U);
  EXPECT_EQ(a.timeout, milliseconds{1'000});
  EXPECT_EQ(a.failure_mode, FailureMode::closed);
  EXPECT_EQ(a.request_body.holds, 1'048'576U);
  EXPECT_EQ(a.request_body.gathers, body::whole);
  EXPECT_EQ(a.response_body.holds, 1'048'576U);
  EXPECT_EQ(a.chunk_timeout, std::nullopt);
  EXPECT_EQ(a.max_concurrent_calls, 100U);
  EXPECT_EQ(a.circuit_breaker.failure_threshold, 5U);
  EXPECT_EQ(a.circuit_breaker.success_threshold, 2U);
  EXPECT_EQ(a.circuit_breaker.open_for, milliseconds{30'000});
  EXPECT_EQ(a.circuit_breaker.half_open_max_requests, 1U);
  EXPECT_EQ(a.pool.connections_per_agent, 4U);
  EXPECT_EQ(a.pool.load_balance_strategy, LoadBalanceStrategy::round_robin);
  EXPECT_EQ(a.pool.flow_control_mode, FlowControlMode::fail_closed);
  EXPECT_FALSE(a.config_json.has_value());
}

TEST_F(LoadAgents, AnAgentMayBeReachedByANameOrAsAService) {
  for (const std::string written : {"waf.internal:9000", "_waf._tcp.internal", "localhost:1"}) {
    const Config config =
        good(std::string(base) + "agents { agent \"a\" { tcp \"" + written + "\"; insecure #true } }");
    ASSERT_EQ(config.agents.size(), 1U);
    EXPECT_TRUE(config.agents[0].is_named) << written;
    EXPECT_EQ(config.agents[0].address, written);
  }
  for (const std::string written : {"127.0.0.1:1", "[::1]:1", "[fe80::1%eth0]:1"})
    EXPECT_FALSE(
        good(std::string(base) + "agents { agent \"a\" { grpc \"https://" + written + "\" } }").agents[0].is_named);
}

TEST_F(LoadAgents, AnAgentsKeysMayBeThoseOfOtherProxiesOfTheProtocol) {
  const Config config = good(std::string(base) + R"(agents { agent "a" {
    binary-uds "/a"; protocol-version 2; connections 9; circuit-breaker { reset-timeout-seconds 7 }
    pool { preset "low-latency" } } })");
  EXPECT_EQ(config.agents.at(0).pool.connections_per_agent, 9U);
  EXPECT_EQ(config.agents.at(0).circuit_breaker.open_for, milliseconds{7'000});
}

TEST_F(LoadAgents, EverySettingOfAnAgentReachesItsField) {
  const Config config = good(every_setting);
  const Agent& a = config.agents.at(0);
  EXPECT_EQ(a.type, "waf");
  EXPECT_EQ(a.transport, AgentTransport::unix_socket);
  EXPECT_EQ(a.path, "/run/w.sock");
  EXPECT_FALSE(a.events.request_headers);
  EXPECT_TRUE(a.events.request_body && a.events.response_headers && a.events.request_complete);
  EXPECT_EQ(a.buffer_size, 1024U);
  EXPECT_EQ(a.max_waiting_calls, 7U);
  EXPECT_TRUE(a.declared_events_only);
  EXPECT_EQ(a.timeout, milliseconds{250});
  EXPECT_EQ(a.failure_mode, FailureMode::open);
  EXPECT_EQ(a.request_body.holds, 5U);
  EXPECT_EQ(a.request_body.gathers, 0U);
  EXPECT_EQ(a.response_body.holds, 9000U);
  EXPECT_EQ(a.response_body.gathers, 4096U);
  EXPECT_EQ(a.response_body.holds_back, 64U);
  EXPECT_EQ(a.chunk_timeout, milliseconds{21});
  EXPECT_EQ(a.max_concurrent_calls, 6U);
  EXPECT_EQ(a.circuit_breaker.failure_threshold, 1U);
  EXPECT_EQ(a.circuit_breaker.success_threshold, 3U);
  EXPECT_EQ(a.circuit_breaker.open_for, milliseconds{4'000});
  EXPECT_EQ(a.circuit_breaker.half_open_max_requests, 8U);
  EXPECT_EQ(a.pool.connections_per_agent, 2U);
  EXPECT_EQ(a.pool.load_balance_strategy, LoadBalanceStrategy::least_connections);
  EXPECT_EQ(a.pool.flow_control_mode, FlowControlMode::wait_and_retry);
  EXPECT_EQ(a.pool.flow_control_wait_timeout, milliseconds{11});
  EXPECT_EQ(a.pool.reconnect_interval, milliseconds{12});
  EXPECT_EQ(a.pool.max_reconnect_interval, milliseconds{16});
  EXPECT_EQ(a.config_json, "{\"paranoia-level\":1}");
}

TEST_F(LoadAgents, AgentOfTheBenchmarkPageLoadsInBothItsForms) {
  for (
      const std::string_view agents :
      {R"(agents { agent "waf" type="waf" { binary-uds "/var/run/sentinel/waf.sock"; events "request_headers" "request_body"; buffer-size 65536 } })",
       "agents {\n    agent \"waf\" type=\"waf\" {\n        binary-uds \"/var/run/sentinel/waf.sock\"\n"
       "        events \"request_headers\" \"request_body\"\n        buffer-size 65536\n    }\n}\n"}) {
    const Config config = good(std::string(base) + std::string(agents));
    ASSERT_EQ(config.agents.size(), 1U);
    const Agent& a = config.agents[0];
    EXPECT_EQ(a.id, "waf");
    EXPECT_EQ(a.type, "waf");
    EXPECT_EQ(a.transport, AgentTransport::binary_uds);
    EXPECT_EQ(a.path, "/var/run/sentinel/waf.sock");
    EXPECT_TRUE(a.events.request_headers && a.events.request_body);
    EXPECT_FALSE(a.events.response_headers || a.events.request_complete);
    EXPECT_EQ(a.buffer_size, 65'536U);
  }
}

TEST_F(LoadAgents, PresetSetsTheWholePoolAndWhatStandsBesideItOverrides) {
  Pool pool = agent("pool { preset \"high-throughput\" }").pool;
  EXPECT_EQ(pool.connections_per_agent, 8U);
  EXPECT_EQ(pool.load_balance_strategy, LoadBalanceStrategy::least_connections);
  EXPECT_EQ(pool.flow_control_mode, FlowControlMode::wait_and_retry);
  EXPECT_EQ(pool.max_concurrent_per_connection, 200U);

  EXPECT_EQ(agent("pool { sticky \"client-ip\" }").stickiness.by, inspection::Stickiness::By::client_ip);
  EXPECT_FALSE(agent("").pool.hedge);
  EXPECT_EQ(agent("pool { hedge }").pool.hedge, pool::HedgeConfig{});
  const pool::HedgeConfig often{.after = 0.9, .budget = 0.25};
  EXPECT_EQ(agent("pool { hedge after=\"p90\" budget=0.25 }").pool.hedge, often);
  const inspection::Stickiness by_cookie{.by = inspection::Stickiness::By::cookie, .name = "sid"};
  EXPECT_EQ(agent("pool { sticky \"cookie sid\" }").stickiness, by_cookie);
  pool = agent("pool { load-balancing \"health-based\" }").pool;
  EXPECT_EQ(pool.load_balance_strategy, LoadBalanceStrategy::health_based);
  EXPECT_EQ(agent("pool { load-balancing \"random\" }").pool.load_balance_strategy, LoadBalanceStrategy::random);
  EXPECT_EQ(agent("pool { load-balancing \"p2c\" }").pool.load_balance_strategy, LoadBalanceStrategy::p2c);
  pool = agent("pool { connections 3; preset \"low_latency\"; load-balancing \"round_robin\" }").pool;
  EXPECT_EQ(pool.connections_per_agent, 3U);
  EXPECT_EQ(pool.load_balance_strategy, LoadBalanceStrategy::round_robin);
  EXPECT_EQ(pool.flow_control_mode, FlowControlMode::fail_closed);
  EXPECT_EQ(pool.connect_timeout, milliseconds{1'000});
  EXPECT_EQ(pool.request_timeout, milliseconds{1'000});
  EXPECT_EQ(pool.health_check_interval, milliseconds{2'000});
  EXPECT_EQ(pool.max_concurrent_per_connection, 50U);
}

TEST_F(LoadAgents, AgentsThatDialAreClaimedByTheirIds) {
  const Config config = good(std::string(base) + R"(
reverse-listener {
  path "agents.sock"; tcp-address "127.0.0.1:7001"
  tls { cert-file "c.pem"; key-file "c.key"; ca-file "ca.pem" }
  require-auth #true; auth-token "edge" "${TOKEN}"; auth-token "waf-*" "other"; allowed-agents "edge" "waf-*"
  max-connections-per-agent 8; handshake-timeout-secs 3; backlog 16
}
agents { agent "edge" { reverse }
         agent "waf" { reverse "waf-*" "old-waf" } }
)",
                             testing::variables({{"TOKEN", "s3cret"}}));
  ASSERT_TRUE(config.reverse_listener);
  const ReverseListener& listener = *config.reverse_listener;
  EXPECT_EQ(listener.path, (folder_.path() / "agents.sock").string());
  EXPECT_EQ(listener.host, "127.0.0.1");
  EXPECT_EQ(listener.port, 7001);
  ASSERT_TRUE(listener.tls);
  EXPECT_EQ(listener.tls->ca_file, (folder_.path() / "ca.pem").string());
  EXPECT_TRUE(listener.require_auth);
  ASSERT_EQ(listener.auth_tokens.size(), 2U);
  EXPECT_EQ(listener.auth_tokens[0], (pool::reverse::Secret{"edge", "s3cret"}));
  EXPECT_EQ(listener.allowed_agents, (std::vector<std::string>{"edge", "waf-*"}));
  EXPECT_EQ(listener.max_connections_per_agent, 8U);
  EXPECT_EQ(listener.handshake_timeout, milliseconds{3'000});
  EXPECT_EQ(listener.backlog, 16U);
  ASSERT_EQ(config.agents.size(), 2U);
  EXPECT_EQ(config.agents[0].transport, AgentTransport::reverse);
  EXPECT_EQ(config.agents[0].reverse, std::vector<std::string>{"edge"}) << "its own id";
  EXPECT_EQ(config.agents[1].reverse, (std::vector<std::string>{"waf-*", "old-waf"}));
}

TEST_F(LoadAgents, AReverseListenerHasItsDefaults) {
  const Config config = good(std::string(base) + "reverse-listener { path \"/s\" }");
  const ReverseListener& listener = config.reverse_listener.value();
  EXPECT_FALSE(listener.require_auth || listener.insecure || listener.tls || listener.max_connections_per_agent);
  EXPECT_TRUE(listener.host.empty() && listener.auth_tokens.empty() && listener.allowed_agents.empty());
  EXPECT_EQ(listener.handshake_timeout, milliseconds{10'000});
  EXPECT_EQ(listener.backlog, 128U);
}

}  // namespace
}  // namespace picket::apps::gateway::config
