#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <spdlog/logger.h>

#include "apps/gateway/downstream/peer.hpp"
#include "apps/gateway/generation/service.hpp"
#include "picket/transport/testing.hpp"
#include "picket/transport/worker.hpp"

namespace picket::apps::gateway::exchange::testing {

/// What exchanges of a test live in: a service with one upstream. Its routes are "/unasked", "/frames", where agents
/// look at frames, and all else; where an agent is asked if there is one.
class World {
 public:
  static constexpr config::Events asked_about_requests{
      .request_headers = true, .request_body = true, .request_complete = true};

  /// `agent`: the path of its socket; empty: none.
  /// `events`: what it is asked about. `targets`: the upstream's, which is else as it says; none where nobody connects
  /// to it.
  explicit World(const std::string& agent = {}, const config::Events& events = asked_about_requests,
                 const std::vector<transport::Endpoint>& targets = {}, const config::Upstream& upstream = {.id = "app"},
                 const std::vector<config::Listener>& listeners = {})
      : World(agents_of(agent, events), targets, upstream, listeners) {}
  /// `agents`: asked one behind the other; but for the one of `guardrail`, which is the last and looks at texts alone.
  explicit World(const std::vector<config::Agent>& agents, const std::vector<transport::Endpoint>& targets = {},
                 const config::Upstream& upstream = {.id = "app"}, const std::vector<config::Listener>& listeners = {},
                 const std::optional<config::Guardrail>& guardrail = {}) {
    worker.blocks().set_budget(held_bytes);
    auto generation = std::make_shared<generation::Generation>();
    generation->config.listeners = listeners;
    config::Route all{.id = "all"};
    all.guardrail = guardrail;
    for (const auto& agent : agents) {
      const bool is_guard = guardrail && guardrail->agent == generation->config.agents.size();
      if (is_guard) {
        generation->config.agents.push_back(agent);
        continue;
      }
      all.filters.push_back(generation->config.agents.size());
      generation->config.filters.push_back({.id = agent.id,
                                            .agent = generation->config.agents.size(),
                                            .failure_mode = agent.failure_mode,
                                            .timeout = std::chrono::seconds{60}});
      generation->config.agents.push_back(agent);
    }
    generation->config.upstreams.push_back(upstream);
    for (const auto& target : targets)
      generation->config.upstreams[0].targets.push_back({.host = std::string{target.host()}, .port = target.port()});
    generation->config.routes.push_back({.id = "unasked", .matches = {.path = "/unasked"}});
    config::Route frames{.id = "frames",
                         .matches = {.path = "/frames"},
                         .filters = all.filters,
                         .websocket = true,
                         .websocket_inspection = true};
    generation->config.routes.push_back(std::move(frames));
    generation->config.routes.push_back(std::move(all));
    generation->upstream_tls.resize(1);
    generation->logs = std::make_shared<generation::Logs>();
    service_ = generation::Service::create(worker, shard, std::move(generation), nullptr).value();
    EXPECT_TRUE(transport::testing::turn_until(worker, [&] { return service_->agents.readiness().is_complete; }));
  }
  /// Lets everybody go on who may.
  void settle() {
    do worker.turn(worker.now());
    while (worker.has_resumptions());
  }
  generation::Service& service() { return *service_; }
  const std::shared_ptr<generation::Service>& shared_service() const { return service_; }

  transport::Worker worker;
  spdlog::logger log{"nowhere"};
  generation::ShardState shard{.log = log, .hangups = transport::HangupMonitor{worker}};
  config::Listener listener;
  downstream::Peer peer{.ip = *config::IpAddress::parse("192.0.2.1"), .address = "192.0.2.1", .port = 1};

 private:
  static constexpr std::uint64_t held_bytes = 16 << 20;

  static std::vector<config::Agent> agents_of(const std::string& path, const config::Events& events) {
    if (path.empty()) return {};
    return {{.id = "agent", .path = path, .events = events}};
  }

  std::shared_ptr<generation::Service> service_;
};

}  // namespace picket::apps::gateway::exchange::testing
