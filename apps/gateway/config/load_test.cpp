#include "apps/gateway/config/load.hpp"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/gateway/config/testing/folder.hpp"

namespace picket::apps::gateway::config {
namespace {

namespace fs = std::filesystem;
using pool::FlowControlMode;
using pool::LoadBalanceStrategy;

constexpr std::string_view base = R"(
listeners { listener "web" { address "127.0.0.1:8080" } }
upstreams { upstream "app" { target "127.0.0.1:9000" } }
routes { route "all" { upstream "app" } }
)";

class Load : public ::testing::Test {
 protected:
  Config good(std::string_view text, const Environment& environment = testing::variables({})) {
    Loaded loaded = load(folder_.write("gateway.kdl", text), environment);
    if (loaded) return std::move(*loaded);
    for (const Diagnostic& diagnostic : loaded.error()) ADD_FAILURE() << render(diagnostic, false);
    return {};
  }
  /// A whole file with an agent of this block.
  Agent agent(const std::string& block) {
    const Config config = good(std::string(base) + "agents { agent \"a\" { binary-uds \"/s\"; " + block + " } }");
    return config.agents.empty() ? Agent{} : config.agents.front();
  }

  const testing::Folder folder_;
};

TEST_F(Load, LeastFileHasEveryDefault) {
  const Config config = good(base);
  EXPECT_EQ(config.system.worker_threads, 0U);
  EXPECT_TRUE(config.system.busy_polling);
  EXPECT_EQ(config.system.max_connections, 10'000U);
  EXPECT_EQ(config.system.graceful_shutdown_timeout, milliseconds{30'000});
  ASSERT_EQ(config.listeners.size(), 1U);
  EXPECT_EQ(config.listeners[0].id, "web");
  EXPECT_EQ(config.listeners[0].host, "127.0.0.1");
  EXPECT_EQ(config.listeners[0].port, 8080);
  ASSERT_EQ(config.upstreams.size(), 1U);
  ASSERT_EQ(config.upstreams[0].targets.size(), 1U);
  EXPECT_EQ(config.upstreams[0].targets[0].weight, 1U);
  EXPECT_EQ(config.upstreams[0].load_balancing, LoadBalancing::round_robin);
  ASSERT_EQ(config.routes.size(), 1U);
  EXPECT_EQ(config.routes[0].matches.path, "/");
  EXPECT_FALSE(config.routes[0].matches.host.has_value());
  EXPECT_TRUE(config.routes[0].matches.methods.empty());
  EXPECT_EQ(config.limits.max_header_size, 16'384U);
  EXPECT_EQ(config.limits.max_header_count, 100U);
  EXPECT_EQ(config.limits.max_body_size, 10'485'760U);
  EXPECT_FALSE(config.observability.metrics.has_value());
  EXPECT_FALSE(config.observability.access_log.has_value());
}

TEST_F(Load, LeastAgentHasEveryDefault) {
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

/// Each setting with a value that is not its default.
constexpr std::string_view every_setting = R"(
system { worker-threads 3; busy-polling #false; max-connections 7; graceful-shutdown-timeout-secs 9
         resolvers "127.0.0.1:5353" "10.0.0.10" "::1" "[::1]:54" }
listeners { listener "web" { address "[::1]:81"; protocol "http"; trusted-proxies "10.0.0.0/8" "::1"; proxy-protocol #true } }
agents {
  agent "w" type="waf" {
    unix-socket "/run/w.sock"
    events "request-body" "response_headers" "response_body" "log"
    buffer-size 1024; timeout-ms 250; failure-mode "fail_open"; request-body-mode "stream"
    response-body-mode "hybrid" 4096 hold-back=64; max-response-body-bytes 9000; chunk-timeout-ms 21
    max-request-body-bytes 5; max-concurrent-calls 6; max-waiting-calls 7
    declared-events-only #true
    circuit-breaker { failure-threshold 1; success-threshold 3; timeout-seconds 4; half-open-max-requests 8 }
    pool { connections 2; load-balancing "least_connections"; flow-control "wait-and-retry"; wait-ms 11
           reconnect-interval-ms 12; max-reconnect-interval-ms 16 }
    config { paranoia-level 1 }
  }
  agent "v" { binary-uds "/v"; timeout-ms 77; events "request_headers" "websocket_frame" }
}
filters { filter "f" { type "agent"; agent "w"; failure-mode "closed"; timeout-ms 13 }
          filter "g" { type "agent"; agent "v" } }
upstreams {
  upstream "u" { target "a.example:1" weight=2; target "[::1]:2"; load-balancing "least-connections"; dns-refresh-secs 20 }
  upstream "t" { target "127.0.0.1:3" }
}
routes {
  route "r" { matches { path-prefix "/a"; host "App.Example."; method "GET" "POST" }; filters "g" "f"; upstream "t"
              websocket #false }
  route "w" { matches { path-prefix "/w" }; filters "g"; upstream "t"
              websocket #true; websocket-inspection #true; websocket-idle-secs 7 }
}
limits { max-header-size-bytes 2048; max-header-count 14; max-body-size-bytes 15; max-websocket-message-bytes 16; underscores-in-headers #true }
observability { metrics { address "127.0.0.1:9090"; path "/m" }; logging { level "warn"; format "json" }
                access-log { file "logs/../a.jsonl" }; audit { file "/var/b.jsonl" } }
)";

TEST_F(Load, EverySettingOfTheProcessReachesItsField) {
  const Config config = good(every_setting);
  EXPECT_EQ(config.system.worker_threads, 3U);
  EXPECT_FALSE(config.system.busy_polling);
  EXPECT_EQ(config.system.max_connections, 7U);
  EXPECT_THAT(config.system.resolvers,
              ::testing::ElementsAre("127.0.0.1:5353", "10.0.0.10:53", "[::1]:53", "[::1]:54"));
  EXPECT_EQ(config.system.graceful_shutdown_timeout, milliseconds{9'000});
  EXPECT_EQ(config.listeners.at(0).host, "::1");
  EXPECT_EQ(config.listeners.at(0).port, 81);
  EXPECT_EQ(config.limits.max_header_size, 2048U);
  EXPECT_EQ(config.limits.max_header_count, 14U);
  EXPECT_EQ(config.limits.max_body_size, 15U);
  EXPECT_EQ(config.limits.max_websocket_message, 16U);
  const Route& frames = config.routes.at(1);
  EXPECT_EQ(frames.id, "w");
  EXPECT_TRUE(frames.websocket && frames.websocket_inspection && config.agents[1].events.websocket_frame);
  EXPECT_EQ(frames.websocket_idle, std::chrono::seconds{7});
  EXPECT_TRUE(config.limits.underscores_in_headers);
  EXPECT_TRUE(config.listeners.at(0).proxy_protocol);
  EXPECT_TRUE(config.listeners.at(0).trusts(*IpAddress::parse("10.1.2.3")));
  EXPECT_TRUE(config.listeners.at(0).trusts(*IpAddress::parse("::1")));
  EXPECT_FALSE(config.listeners.at(0).trusts(*IpAddress::parse("11.0.0.1")));
  EXPECT_EQ(config.observability.metrics->port, 9090);
  EXPECT_EQ(config.observability.metrics->path, "/m");
  EXPECT_EQ(config.observability.log_level, LogLevel::warn);
  EXPECT_EQ(config.observability.log_format, LogFormat::json);
  EXPECT_EQ(config.observability.access_log, (folder_.path() / "a.jsonl").string());
  EXPECT_EQ(config.observability.audit_log, "/var/b.jsonl");
}

TEST_F(Load, AnAgentMayBeReachedByANameOrAsAService) {
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

TEST_F(Load, AnAgentsKeysMayBeThoseOfOtherProxiesOfTheProtocol) {
  const Config config = good(std::string(base) + R"(agents { agent "a" {
    binary-uds "/a"; protocol-version 2; connections 9; circuit-breaker { reset-timeout-seconds 7 }
    pool { preset "low-latency" } } })");
  EXPECT_EQ(config.agents.at(0).pool.connections_per_agent, 9U);
  EXPECT_EQ(config.agents.at(0).circuit_breaker.open_for, milliseconds{7'000});
}

TEST_F(Load, EverySettingOfAnAgentReachesItsField) {
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

TEST_F(Load, EverySettingOfAnUpstreamReachesItsField) {
  const Config config = good(R"(
listeners { listener "web" { address "127.0.0.1:8080" } }
routes { route "all" { upstream "app" } }
upstreams { upstream "app" {
  target "unix:app.sock"
  tls { sni "app.example"; insecure-skip-verify #true }
  load-balancing "consistent_hash" by="cookie user"
  health-check { type "http" { path "/up?x"; expected-status 204 }; interval-secs 3; timeout-secs 4; healthy-threshold 5; unhealthy-threshold 6 }
  passive-health { failures 7; for-secs 8 }
  slow-start-secs 9
  timeouts { connect 10; read 0; write 12; request 13 }
  connection-pool { max-connections 14; max-idle 0; idle-timeout 16; max-lifetime 17 }
  retry { attempts 18; on "connect-failure" "refused-stream" }
  http-version { min-version 2; max-version 2 }
} })");
  const Upstream& u = config.upstreams.at(0);
  EXPECT_TRUE(u.targets.at(0).path.ends_with("/app.sock"));
  EXPECT_EQ(u.tls->server_name, "app.example");
  EXPECT_FALSE(u.tls->verifies);
  EXPECT_EQ(u.load_balancing, LoadBalancing::consistent_hash);
  EXPECT_EQ(u.hash_by, (inspection::Stickiness{.by = inspection::Stickiness::By::cookie, .name = "user"}));
  using std::chrono::seconds;
  const HealthCheck check{.path = "/up?x",
                          .expected_status = 204,
                          .interval = seconds{3},
                          .timeout = seconds{4},
                          .healthy_threshold = 5,
                          .unhealthy_threshold = 6};
  EXPECT_EQ(u.health_check, check);
  const PassiveHealth passive{.failures = 7, .rest = seconds{8}};
  EXPECT_EQ(u.passive_health, passive);
  EXPECT_EQ(u.slow_start, seconds{9});
  const UpstreamTimeouts timeouts{
      .connect = seconds{10}, .read = seconds{0}, .write = seconds{12}, .request = seconds{13}};
  EXPECT_EQ(u.timeouts, timeouts);
  const ConnectionPool pool{
      .max_connections = 14, .max_idle = 0, .idle_timeout = seconds{16}, .max_lifetime = seconds{17}};
  EXPECT_EQ(u.connection_pool, pool);
  const Retry retry{
      .attempts = 18, .on_connect_failure = true, .on_closed_before_response = false, .on_refused_stream = true};
  EXPECT_EQ(u.retry, retry);
  EXPECT_EQ(u.min_version, HttpVersion::http2);
  EXPECT_EQ(u.max_version, HttpVersion::http2);
  EXPECT_EQ(u.tls->protocols.alpn, std::vector<std::string>{"h2"});
}

TEST_F(Load, AnUpstreamsVersionsAreOfferedToItOverTls) {
  const auto upstream = [&](std::string_view keys) {
    return good(std::string(R"(listeners { listener "web" { address "127.0.0.1:8080" } }
routes { route "all" { upstream "app" } }
upstreams { upstream "app" { target "127.0.0.1:9000"; )") +
                std::string{keys} + " } }")
        .upstreams.at(0);
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(upstream("").max_version, HttpVersion::http1);
  EXPECT_EQ(upstream("tls { }").tls->protocols.alpn, Names{});
  EXPECT_EQ(upstream("http-version { max-version 2 }; tls { }").tls->protocols.alpn, (Names{"h2", "http/1.1"}));
  EXPECT_EQ(upstream("http-version { min-version 2 }; tls { }").tls->protocols.alpn, Names{"h2"});
  EXPECT_EQ(upstream("http-version { min-version 2 }").min_version, HttpVersion::http2);
}

TEST_F(Load, WithoutAWordRequestsGoByTheirClientsAddressWhereTheyGoByAKey) {
  for (const std::string_view strategy : {"ip_hash", "consistent_hash"}) {
    const Config config = good(std::string(R"(listeners { listener "web" { address "127.0.0.1:8080" } }
routes { route "all" { upstream "app" } }
upstreams { upstream "app" { target "a:1"; load-balancing ")") +
                               std::string(strategy) + "\" } }");
    EXPECT_EQ(config.upstreams.at(0).hash_by.by, inspection::Stickiness::By::client_ip) << strategy;
  }
}

TEST_F(Load, EverySettingOfTrafficReachesItsField) {
  const Config config = good(every_setting);
  EXPECT_EQ(config.filters.at(0).agent, 0U);
  EXPECT_EQ(config.filters.at(0).failure_mode, FailureMode::closed);
  EXPECT_EQ(config.filters.at(0).timeout, milliseconds{13});
  EXPECT_EQ(config.filters.at(1).agent, 1U);
  EXPECT_EQ(config.filters.at(1).timeout, milliseconds{77});

  const Upstream& u = config.upstreams.at(0);
  EXPECT_EQ(u.targets.at(0).host, "a.example");
  EXPECT_EQ(u.targets.at(0).weight, 2U);
  EXPECT_EQ(u.targets.at(1).host, "::1");
  EXPECT_EQ(u.targets.at(1).port, 2);
  EXPECT_TRUE(u.targets.at(0).is_named);
  EXPECT_FALSE(u.targets.at(1).is_named);
  EXPECT_EQ(u.load_balancing, LoadBalancing::least_connections);
  EXPECT_EQ(u.dns_refresh, milliseconds{20'000});

  const Route& r = config.routes.at(0);
  EXPECT_EQ(r.matches.path, "/a");
  EXPECT_EQ(r.matches.host, "app.example");
  EXPECT_EQ(r.matches.methods, (std::vector<std::string>{"GET", "POST"}));
  EXPECT_EQ(r.filters, (std::vector<std::size_t>{1, 0}));
  EXPECT_EQ(r.upstream, 1U);
}

TEST_F(Load, AgentOfTheBenchmarkPageLoadsInBothItsForms) {
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

TEST_F(Load, PresetSetsTheWholePoolAndWhatStandsBesideItOverrides) {
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

TEST_F(Load, WhatARouteChoosesByAndDoesReachesItsFields) {
  const Config config = good(R"(
    listeners { listener "web" { address "127.0.0.1:8080" } }
    upstreams { upstream "app" { target "127.0.0.1:9000" } }
    routes { route "r" {
      matches { path "/a/b"; host "*.App.example"; header "X-Tier" "gold"; header "x-b" "2"; query "beta" "1 2" }
      upstream "app"; limits { max-body-size-bytes 7 }; timeouts { request 8 }
      request-headers { set "x-a" "b c"; remove "x-c" "x-d" }
      response-headers { add "x-e" "f" } } })");
  const Route& r = config.routes.at(0);
  EXPECT_EQ(r.matches.path, "/a/b");
  EXPECT_TRUE(r.matches.whole_path);
  EXPECT_EQ(r.matches.host, "*.app.example");
  EXPECT_EQ(r.matches.headers, (std::vector<NamedValue>{{"X-Tier", "gold"}, {"x-b", "2"}}));
  EXPECT_EQ(r.matches.queries, (std::vector<NamedValue>{{"beta", "1 2"}}));
  EXPECT_EQ(r.max_body_size, 7U);
  EXPECT_EQ(r.request_time, milliseconds{8'000});
  using Kind = base::HeaderOp::Kind;
  EXPECT_EQ(r.request_edits,
            (std::vector<HeaderEdit>{{Kind::set, "x-a", "b c"}, {Kind::remove, "x-c", ""}, {Kind::remove, "x-d", ""}}));
  EXPECT_EQ(r.response_edits, (std::vector<HeaderEdit>{{Kind::add, "x-e", "f"}}));
}

TEST_F(Load, AGuardrailHasItsAgentAndWhatBecomesOfFindings) {
  const Config config = good(R"(
    listeners { listener "web" { address "127.0.0.1:8080" } }
    upstreams { upstream "app" { target "127.0.0.1:9000" } }
    agents { agent "a" { binary-uds "/a" }
      agent "g" { binary-uds "/g"; events "guardrail" } }
    routes { route "x" { matches { path-prefix "/x" }; upstream "app"
                         guardrail { agent "g"; prompt "log"; response "off"; window 64 } }
             route "y" { matches { path-prefix "/y" }; upstream "app"; guardrail { agent "g" } } })");
  EXPECT_TRUE(config.agents.at(1).events.guardrail && !config.agents.at(1).events.request_headers);
  const Guardrail& all = *config.routes.at(0).guardrail;
  EXPECT_EQ(
      all,
      (Guardrail{.agent = 1, .prompt = inspection::Action::log, .response = inspection::Action::off, .window = 64}));
  EXPECT_EQ(*config.routes.at(1).guardrail,
            (Guardrail{.agent = 1, .prompt = inspection::Action::block, .response = inspection::Action::redact}));
}

TEST_F(Load, RoutesAreTriedWholePathsFirstThenTheLongestPrefixThenInFileOrder) {
  const Config config = good(R"(
    listeners { listener "web" { address "127.0.0.1:8080" } }
    upstreams { upstream "app" { target "127.0.0.1:9000" } }
    routes { route "1" { matches { host "a" }; upstream "app" }
             route "2" { matches { path-prefix "/api/v1" }; upstream "app" }
             route "3" { matches { path-prefix "/api" }; upstream "app" }
             route "4" { upstream "app" }
             route "5" { matches { path-prefix "/web" }; upstream "app" }
             route "6" { matches { path "/" }; upstream "app" } })");
  std::string order;
  for (const Route& route : config.routes) order += route.id;
  EXPECT_EQ(order, "623514");
}

TEST_F(Load, BlocksOfSeveralFilesAreJoined) {
  folder_.write("conf.d/a.kdl", "agents { agent \"a\" { binary-uds \"a.sock\" } }\nlimits { max-header-count 5 }");
  folder_.write("conf.d/b.kdl",
                "agents { agent \"b\" { binary-uds \"../b.sock\" } }\nlimits { max-body-size-bytes 6 }");
  const Config config =
      good(std::string(base) + "include \"conf.d/*.kdl\"\nagents { agent \"c\" { binary-uds \"c.sock\" } }");
  ASSERT_EQ(config.agents.size(), 3U);
  EXPECT_EQ(config.agents[0].path, (folder_.path() / "conf.d/a.sock").string());
  EXPECT_EQ(config.agents[1].path, (folder_.path() / "b.sock").string());
  EXPECT_EQ(config.agents[2].path, (folder_.path() / "c.sock").string());
  EXPECT_EQ(config.limits.max_header_count, 5U);
  EXPECT_EQ(config.limits.max_body_size, 6U);
}

TEST_F(Load, NumbersMayComeFromTheEnvironment) {
  const std::string text = std::string(base) + "limits { max-header-count \"${COUNT:-7}\" }";
  EXPECT_EQ(good(text).limits.max_header_count, 7U);
  EXPECT_EQ(good(text, testing::variables({{"COUNT", "0x10"}})).limits.max_header_count, 16U);
}

TEST_F(Load, EveryExampleIsGood) {
  std::size_t examples = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(fs::path(PICKET_SOURCE_DIR) / "examples")) {
    if (entry.path().extension() != ".kdl") continue;
    SCOPED_TRACE(entry.path());
    ++examples;
    const Loaded loaded = load(entry.path(), testing::variables({}));
    if (loaded) continue;
    for (const Diagnostic& diagnostic : loaded.error()) ADD_FAILURE() << render(diagnostic, false);
  }
  EXPECT_GE(examples, 2U);
}

TEST_F(Load, DemoTakesItsPlacesFromTheEnvironment) {
  const Loaded loaded = load(fs::path(PICKET_SOURCE_DIR) / "examples/demo.kdl",
                             testing::variables({{"PICKET_DEMO_PORT", "18080"},
                                                 {"PICKET_DEMO_METRICS_PORT", "19090"},
                                                 {"PICKET_DEMO_DIR", "/tmp/x"},
                                                 {"PICKET_DEMO_UPSTREAM", "127.0.0.1:19000"}}));
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->listeners.at(0).port, 18080);
  EXPECT_EQ(loaded->observability.metrics->port, 19090);
  EXPECT_EQ(loaded->agents.at(0).path, "/tmp/x/waf.sock");
  EXPECT_EQ(loaded->observability.access_log, "/tmp/x/access.jsonl");
  EXPECT_EQ(loaded->upstreams.at(0).targets.at(0).port, 19000);
}

TEST_F(Load, ListenersSpeakTls) {
  const Config config = good(R"(
listeners {
  listener "safe" { address "127.0.0.1:8443"; protocol "https"
    tls { cert-file "c.pem"; key-file "/etc/k.pem"; ocsp-file "c.ocsp"; min-version "1.3"; max-version "1.3"
          sni { hostnames "a.example" "*.B.example"; cert-file "ab.pem"; key-file "ab.key" }
          sni { hostnames "c.example"; cert-file "cc.pem"; key-file "cc.key"; ocsp-file "cc.ocsp" }
          cipher-suite "TLS_AES_128_GCM_SHA256"; ca-file "ca.pem"; client-auth "optional"; session-resumption #false } }
  listener "least" { address "127.0.0.1:8444"; protocol "https"
    tls { cert-file "c.pem"; key-file "k.pem"; ca-file "ca.pem"; client-auth #true } } }
upstreams { upstream "app" { target "127.0.0.1:9000" } }
routes { route "all" { upstream "app"; redirect-to-https #true } }
)");
  ASSERT_EQ(config.listeners.size(), 2U);
  EXPECT_EQ(config.listeners[0].protocol, Protocol::https);
  const ListenerTls& tls = config.listeners[0].tls.value();
  EXPECT_EQ(tls.certificate.cert_file, (folder_.path() / "c.pem").string());
  EXPECT_EQ(tls.certificate.key_file, "/etc/k.pem");
  EXPECT_EQ(tls.certificate.ocsp_file, (folder_.path() / "c.ocsp").string());
  EXPECT_EQ(tls.min_version, TlsVersion::v1_3);
  ASSERT_EQ(tls.sni.size(), 2U);
  EXPECT_EQ(tls.sni[0].hostnames, (std::vector<std::string>{"a.example", "*.B.example"}));
  EXPECT_EQ(tls.sni[1].certificate.key_file, (folder_.path() / "cc.key").string());
  EXPECT_EQ(tls.cipher_suite, "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(tls.client_auth, ClientAuth::optional);
  EXPECT_FALSE(tls.session_resumption);
  const ListenerTls& least = config.listeners[1].tls.value();
  EXPECT_EQ(least.min_version, TlsVersion::v1_2);
  EXPECT_EQ(least.max_version, TlsVersion::v1_3);
  EXPECT_EQ(least.client_auth, ClientAuth::required);
  EXPECT_TRUE(least.session_resumption);
  EXPECT_TRUE(config.routes[0].redirect_to_https);
}

TEST_F(Load, AgentsThatDialAreClaimedByTheirIds) {
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

TEST_F(Load, AReverseListenerHasItsDefaults) {
  const Config config = good(std::string(base) + "reverse-listener { path \"/s\" }");
  const ReverseListener& listener = config.reverse_listener.value();
  EXPECT_FALSE(listener.require_auth || listener.insecure || listener.tls || listener.max_connections_per_agent);
  EXPECT_TRUE(listener.host.empty() && listener.auth_tokens.empty() && listener.allowed_agents.empty());
  EXPECT_EQ(listener.handshake_timeout, milliseconds{10'000});
  EXPECT_EQ(listener.backlog, 128U);
}

}  // namespace
}  // namespace picket::apps::gateway::config
