#include "apps/gateway/agent_log.hpp"

#include <array>

#include <spdlog/spdlog.h>

namespace picket::apps::gateway {

void AgentLog::on_connected(std::string_view agent, const session::AgentInfo& info) {
  auto& seen = agents_[std::string{agent}];
  if (seen == Seen::connected) return;
  seen = Seen::connected;
  spdlog::info("agent '{}': connected to {} {} (worker {})", agent, info.name, info.version, shard_);
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
