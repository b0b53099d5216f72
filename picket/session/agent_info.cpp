#include "picket/session/agent_info.hpp"

#include <algorithm>

namespace picket::session {
namespace {

constexpr std::int32_t configure_of_rust_agents = 8;

}  // namespace

bool AgentInfo::wants(wire::EventKind kind) const noexcept { return std::ranges::find(events, kind) != events.end(); }

AgentInfo agent_info(const wire::Capabilities& capabilities) {
  AgentInfo info{.agent_id = std::string{capabilities.agent_id},
                 .name = std::string{capabilities.name},
                 .version = std::string{capabilities.version},
                 .features = capabilities.features,
                 .limits = capabilities.limits,
                 .health = capabilities.health_config};
  if (capabilities.supported_events.empty()) return info;
  info.events.clear();
  for (const std::int32_t number : capabilities.supported_events) {
    const bool known = number >= 0 && number <= static_cast<std::int32_t>(wire::EventKind::guardrail_inspect);
    if (!known && number != configure_of_rust_agents) continue;
    const auto kind = known ? static_cast<wire::EventKind>(number) : wire::EventKind::configure;
    if (!info.wants(kind)) info.events.push_back(kind);
  }
  return info;
}

wire::Capabilities capabilities(const AgentInfo& info, base::Arena& arena) {
  auto numbers = arena.allocate_array<std::int32_t>(info.events.size());
  std::ranges::transform(info.events, numbers.begin(),
                         [](wire::EventKind kind) { return static_cast<std::int32_t>(kind); });
  return {.agent_id = info.agent_id,
          .name = info.name,
          .version = info.version,
          .supported_events = numbers,
          .features = info.features,
          .limits = info.limits,
          .health_config = info.health};
}

}  // namespace picket::session
