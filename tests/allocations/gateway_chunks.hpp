#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "apps/gateway/process/gateway.hpp"
#include "picket/agent/server.hpp"
#include "picket/transport/testing.hpp"
#include "tests/support/gateway_client.hpp"
#include "tests/support/upstream_end.hpp"

namespace picket::tests {

/// An agent that lets everything pass.
class AllowsAll final : public agent::Handler {
 public:
  [[nodiscard]] agent::Info info() const override { return {.id = "a", .version = "1"}; }
  agent::Reply on_request_body(const agent::RequestBodyChunk&, agent::Context&) override {
    return agent::Decision::allow();
  }
  agent::Reply on_response_body(const agent::ResponseBodyChunk&, agent::Context&) override {
    return agent::Decision::allow();
  }
  agent::Reply on_websocket_frame(const agent::WebSocketFrame&, agent::Context&) override {
    return agent::Decision::allow();
  }
  agent::Reply on_guardrail(const agent::GuardrailInspect&, agent::Context&) override {
    return agent::Decision::allow();
  }
};

/// Of 500 rounds: what the process does beside, as its log's thread, once in a while.
inline constexpr std::uint64_t of_the_process = 8;
/// What payloads are of, and nothing else is: heads and framing have no such byte.
inline constexpr char mark = '~';
inline constexpr std::size_t chunk_size = 1000;

/// A gateway of this process with an agent, between a client and an upstream whose ends the test holds.
class GatewayChunkAllocations : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(agent_.start());
    const auto applied = gateway_.apply(config(), [] { return false; });
    ASSERT_TRUE(applied) << applied.error().message();
    client_.emplace(port_.number());
  }
  /// What a test has otherwise.
  virtual void change(apps::gateway::config::Config& /*config*/) const {}
  [[nodiscard]] apps::gateway::config::Config config() const {
    apps::gateway::config::Config config;
    config.listeners.push_back(
        {.id = "web", .host = "127.0.0.1", .port = port_.number(), .protocol = apps::gateway::config::Protocol::h2c});
    config.agents.push_back({.id = "a",
                             .path = agent_path_,
                             .events = {.request_body = true, .response_body = true, .websocket_frame = true},
                             .request_body = {.gathers = 0},
                             .response_body = {.gathers = 0}});
    config.filters.push_back({.id = "ask", .agent = 0, .timeout = std::chrono::seconds{20}});
    config.upstreams.push_back({.id = "app", .targets = {{.host = "127.0.0.1", .port = upstream_.port()}}});
    config.routes.push_back({.id = "all", .filters = {0}, .websocket = true, .websocket_inspection = true});
    change(config);
    return config;
  }
  /// The head of the answer.
  void skip_head() const {
    while (client_->line() != "\r\n") {
    }
  }

  const transport::testing::TemporaryFolder folder_;
  const std::string agent_path_ = (folder_.path() / "agent.sock").string();
  UpstreamEnd upstream_;
  agent::Server agent_{{.listen = {"unix:" + agent_path_}}, [] { return std::make_unique<AllowsAll>(); }};
  apps::gateway::process::ProcessLog log_{apps::gateway::config::Observability{}};
  apps::gateway::process::Gateway gateway_{{.worker_threads = 1}, log_};
  const ReservedPort port_;
  std::optional<GatewayClient> client_;
};

}  // namespace picket::tests
