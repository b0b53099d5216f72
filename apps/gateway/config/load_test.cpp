#include "apps/gateway/config/load.hpp"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/gateway/config/testing/loading.hpp"

namespace picket::apps::gateway::config {
namespace {

namespace fs = std::filesystem;
using testing::base;
using testing::every_setting;

class Load : public testing::Loading {};

TEST_F(Load, LeastFileHasEveryDefault) {
  const Config config = good(base);
  EXPECT_EQ(config.system.worker_threads, 0U);
  EXPECT_TRUE(config.system.busy_polling);
  EXPECT_EQ(config.system.max_connections, 10'000U);
  EXPECT_EQ(config.system.graceful_shutdown_timeout, milliseconds{30'000});
  EXPECT_EQ(config.system.graceful_upgrade_timeout, milliseconds{86'400'000});
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

TEST_F(Load, EverySettingOfTheProcessReachesItsField) {
  const Config config = good(every_setting);
  EXPECT_EQ(config.system.worker_threads, 3U);
  EXPECT_FALSE(config.system.busy_polling);
  EXPECT_EQ(config.system.max_connections, 7U);
  EXPECT_THAT(config.system.resolvers,
              ::testing::ElementsAre("127.0.0.1:5353", "10.0.0.10:53", "[::1]:53", "[::1]:54"));
  EXPECT_EQ(config.system.graceful_shutdown_timeout, milliseconds{9'000});
  EXPECT_EQ(config.system.graceful_upgrade_timeout, milliseconds{10'000});
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

}  // namespace
}  // namespace picket::apps::gateway::config
