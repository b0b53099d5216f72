#include "picket/pool/agent_pool.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace picket::pool {

using base::ErrorKind;

AgentPool::AgentPool(transport::Worker& worker, Config config, Observer* observer)
    : worker_(worker), config_(config), observer_(observer) {}

AgentPool::~AgentPool() = default;

base::Result<std::reference_wrapper<Agent>> AgentPool::add_agent(const AgentSpec& spec) {
  if (find(spec.id) != nullptr)
    return base::fail(ErrorKind::unavailable, fmt::format("there is an agent '{}' already", spec.id));
  auto made = Agent::make(worker_, spec, config_, observer_);
  if (!made) return std::move(made.error());
  agents_.push_back(std::move(*made));
  Agent& added = *agents_.back();
  by_id_.emplace(added.id(), &added);
  return std::ref(added);
}

Agent* AgentPool::find(std::string_view id) noexcept {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

void AgentPool::cancel_all(wire::CancelReason reason) {
  for (auto& agent : agents_) agent->cancel_all(reason);
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
