#include "picket/pool/agent_pool.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "picket/pool/agent.hpp"
#include "picket/session/quote.hpp"

namespace picket::pool {

using base::ErrorKind;

namespace {

base::Error unknown(std::string_view id) {
  return base::fail(ErrorKind::unknown_agent, fmt::format("there is no agent '{}'", session::printable(id, 128)));
}

}  // namespace

AgentPool::AgentPool(transport::Worker& worker, Config config, Observer* observer)
    : worker_(worker), config_(config), observer_(observer) {}

AgentPool::~AgentPool() = default;

base::Result<std::reference_wrapper<Agent>> AgentPool::add_agent(const AgentSpec& spec) {
  forget_removed();
  if (find(spec.id) != nullptr)
    return base::fail(ErrorKind::unavailable, fmt::format("there is an agent '{}' already", spec.id));
  auto made = Agent::make(worker_, spec, config_, observer_);
  if (!made) return std::move(made.error());
  agents_.push_back(std::move(*made));
  Agent& added = *agents_.back();
  by_id_.emplace(added.id(), &added);
  return std::ref(added);
}

base::Status AgentPool::remove_agent(std::string_view id) {
  forget_removed();
  Agent* const agent = find(id);
  if (agent == nullptr) return unknown(id);
  by_id_.erase(agent->id());
  const auto place = place_of(*agent);
  removed_.push_back(std::move(*place));
  agents_.erase(place);
  removed_.back()->drain();
  return {};
}

base::Result<std::reference_wrapper<Agent>> AgentPool::change_agent(const AgentSpec& spec) {
  forget_removed();
  Agent* const agent = find(spec.id);
  if (agent == nullptr) return unknown(spec.id);
  if (agent->spec() == spec) return std::ref(*agent);
  if (agent->spec().differs_in_configuration_only(spec)) {
    PICKET_TRY(agent->offer(*spec.config_json));
    agent->adopt();
    return std::ref(*agent);
  }
  auto made = Agent::make(worker_, spec, config_, observer_);
  if (!made) return std::move(made.error());
  by_id_.erase(agent->id());
  const auto place = place_of(*agent);
  removed_.push_back(std::exchange(*place, std::move(*made)));
  by_id_.emplace((*place)->id(), place->get());
  removed_.back()->drain();
  return std::ref(**place);
}

AgentPool::Agents::iterator AgentPool::place_of(const Agent& agent) noexcept {
  return std::ranges::find(agents_, &agent, &std::unique_ptr<Agent>::get);
}

void AgentPool::forget_removed() {
  std::erase_if(removed_, [](const auto& agent) { return agent->is_over(); });
}

void AgentPool::add_reverse_connection(reverse::Connection accepted) {
  if (Agent* const agent = find(accepted.agent)) return agent->take(std::move(accepted));
  const std::string reason = fmt::format("the proxy does not wait for agents that feed '{}'", accepted.agent);
  reverse::refuse(worker_, std::move(accepted), reason);
}

Agent* AgentPool::find(std::string_view id) noexcept {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

std::vector<AgentHealth> AgentPool::stats() const {
  std::vector<AgentHealth> all;
  for (const auto& agent : agents_) all.push_back(agent->health());
  return all;
}

base::Result<AgentHealth> AgentPool::health(std::string_view id) {
  const Agent* const agent = find(id);
  if (agent == nullptr) return unknown(id);
  return agent->health();
}

WaitReady AgentPool::ready(Agent& agent, base::Deadline deadline) noexcept { return agent.ready(deadline); }

void AgentPool::cancel_all(wire::CancelReason reason) {
  for (auto& agent : agents_) agent->cancel_all(reason);
}

void AgentPool::drain() {
  for (auto& agent : agents_) agent->drain();
}

bool AgentPool::drained() const noexcept {
  const auto is_closed = [](const auto& agent) { return agent->closed(); };
  return std::ranges::all_of(agents_, is_closed) && std::ranges::all_of(removed_, is_closed);
}

bool AgentPool::goes_on_despite(const Agent& agent, const base::Error& error) noexcept {
  return error.kind() == ErrorKind::flow_control_paused &&
         agent.config().flow_control_mode == FlowControlMode::fail_open;
}

}  // namespace picket::pool
