#include "apps/gateway/agent_log.hpp"

#include <array>
#include <tuple>

#include <spdlog/spdlog.h>

namespace picket::apps::gateway {

void AgentLog::expect(const config::Config& config) {
  for (const auto& agent : config.agents) configured_[agent.id] = agent.events;
}

void AgentLog::on_connected(std::string_view agent, const session::AgentInfo& info) {
  auto& seen = agents_[std::string{agent}];
  if (seen == Seen::connected) return;
  seen = Seen::connected;
  spdlog::info("agent '{}': connected to {} {} (worker {})", agent, info.name, info.version, shard_);
  const auto configured = configured_.find(agent);
  if (configured == configured_.end()) return;
  const auto& events = configured->second;
  for (const auto& [wanted, kind, name] :
       {std::tuple{events.request_headers, wire::EventKind::request_headers, "request_headers"},
        {events.request_body, wire::EventKind::request_body_chunk, "request_body"},
        {events.response_headers, wire::EventKind::response_headers, "response_headers"}})
    if (wanted && !info.wants(kind))
      spdlog::warn("agent '{}': does not take {} events, which are configured: it is not asked about them (worker {})",
                   agent, name, shard_);
}

void AgentLog::on_disconnected(std::string_view agent, const base::Error& reason, std::uint32_t attempts,
                               bool lasting) {
  auto& seen = agents_[std::string{agent}];
  if (lasting && seen != Seen::lasting) {
    seen = Seen::lasting;
    spdlog::error("agent '{}': still not connected after {} attempts: {} (worker {}); trying on", agent, attempts,
                  reason.message(), shard_);
  } else if (seen == Seen::never || seen == Seen::connected) {
    spdlog::warn("agent '{}': {}: {} (worker {})", agent, seen == Seen::never ? "not connected" : "connection lost",
                 reason.message(), shard_);
    seen = Seen::lost;
  } else {
    spdlog::debug("agent '{}': {} (worker {})", agent, reason.message(), shard_);
  }
}

void AgentLog::on_breaker(std::string_view agent, pool::Breaker::State state) {
  constexpr std::array<std::string_view, 3> names{"closed", "open", "half open"};
  spdlog::warn("agent '{}': circuit breaker {} (worker {})", agent, names[static_cast<std::size_t>(state)], shard_);
}

void AgentLog::on_health(std::string_view agent, wire::HealthState state) {
  constexpr std::array<std::string_view, 4> names{"healthy", "degraded", "draining", "unhealthy"};
  spdlog::warn("agent '{}': says it is {} (worker {})", agent, names[static_cast<std::size_t>(state)], shard_);
}

void AgentLog::on_config_update(std::string_view agent, const wire::ConfigUpdateRequest& request) {
  spdlog::warn("agent '{}': asks for a change of configuration (request '{}'), which only a reload makes (worker {})",
               agent, request.request_id, shard_);
}

}  // namespace picket::apps::gateway
