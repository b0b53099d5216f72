#include "picket/pool/agent_pool.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "picket/base/arena.hpp"
#include "picket/wire/codec.hpp"

namespace picket::pool {

using base::ErrorKind;

AgentPool::AgentPool(transport::Worker& worker, Config config, Observer* observer)
    : worker_(worker), config_(config), observer_(observer) {}

AgentPool::~AgentPool() = default;

base::Result<std::reference_wrapper<Agent>> AgentPool::add_agent(const AgentSpec& spec) {
  if (find(spec.id) != nullptr)
    return base::fail(ErrorKind::unavailable, fmt::format("there is an agent '{}' already", spec.id));
  auto endpoint = transport::Endpoint::parse(spec.endpoint);
  if (!endpoint)
    return base::fail(endpoint.error().kind(), fmt::format("agent '{}': {}", spec.id, endpoint.error().detail()));
  if (spec.config_json) {
    // The parser may look a little past the text.
    std::string text = *spec.config_json;
    text.reserve(text.size() + base::limits::tail_padding);
    base::Arena arena;
    if (auto parsed = wire::parse_json(text, arena); !parsed)
      return base::fail(ErrorKind::invalid_message,
                        fmt::format("agent '{}': its configuration: {}", spec.id, parsed.error().detail()));
  }
  agents_.push_back(
      std::make_unique<Agent>(worker_, spec, spec.config.value_or(config_), std::move(*endpoint), observer_));
  Agent& added = *agents_.back();
  by_id_.emplace(added.id(), &added);
  return std::ref(added);
}

Agent* AgentPool::find(std::string_view id) noexcept {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

void AgentPool::drain() {
  for (auto& agent : agents_) agent->drain();
}

bool AgentPool::drained() const noexcept {
  return std::ranges::all_of(agents_, [](const auto& agent) { return agent->closed(); });
}

bool AgentPool::goes_on_despite(const Agent& agent, const base::Error& error) noexcept {
  return error.kind() == ErrorKind::flow_control_paused &&
         agent.config().flow_control_mode == FlowControlMode::fail_open;
}

}  // namespace picket::pool
