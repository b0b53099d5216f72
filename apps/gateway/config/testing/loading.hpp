#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "apps/gateway/config/load.hpp"
#include "apps/gateway/config/testing/folder.hpp"

/// For tests of files that are good: what they say reaches its fields.
namespace picket::apps::gateway::config::testing {

/// The least that a file has to say.
inline constexpr std::string_view base = R"(
listeners { listener "web" { address "127.0.0.1:8080" } }
upstreams { upstream "app" { target "127.0.0.1:9000" } }
routes { route "all" { upstream "app" } }
)";

/// Each setting with a value that is not its default.
inline constexpr std::string_view every_setting = R"(
system { worker-threads 3; busy-polling #false; max-connections 7; graceful-shutdown-timeout-secs 9
  graceful-upgrade-timeout-secs 10
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

class Loading : public ::testing::Test {
 protected:
  Config good(std::string_view text, const Environment& environment = variables({})) {
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

  const Folder folder_;
};

}  // namespace picket::apps::gateway::config::testing
