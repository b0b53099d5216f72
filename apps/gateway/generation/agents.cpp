#include "apps/gateway/generation/agents.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "apps/gateway/generation/agent_desk.hpp"

namespace picket::apps::gateway::generation {
namespace {

std::vector<wire::EventKind> event_kinds(const config::Events& events) {
  std::vector<wire::EventKind> kinds;
  if (events.request_headers) kinds.push_back(wire::EventKind::request_headers);
  if (events.request_body) kinds.push_back(wire::EventKind::request_body_chunk);
  if (events.response_headers) kinds.push_back(wire::EventKind::response_headers);
  if (events.response_body) kinds.push_back(wire::EventKind::response_body_chunk);
  if (events.websocket_frame) kinds.push_back(wire::EventKind::websocket_frame);
  if (events.request_complete) kinds.push_back(wire::EventKind::request_complete);
  if (events.guardrail) kinds.push_back(wire::EventKind::guardrail_inspect);
  return kinds;
}

std::string endpoint_of(const config::Agent& agent) {
  using enum config::AgentTransport;
  switch (agent.transport) {
    case binary_uds:
    case unix_socket: return "unix:" + agent.path;
    case tcp: return (agent.tls ? "tls:" : "tcp:") + agent.address;
    case grpc_unix: return "grpc+unix:" + agent.path;
    case grpc: return "grpc:" + agent.address;
    case reverse: return {};
    case grpcs: return "grpcs:" + agent.address;
  }
  std::unreachable();
}

/// Of the files that are there now: a reload that finds others makes another agent.
config::AgentTls tls_of(const config::Agent& agent) {
  config::AgentTls tls = agent.tls.value_or(config::AgentTls{});
  if (agent.tls) tls.edition = transport::tls::edition_of(tls);
  return tls;
}

/// Who is asked for an agent's addresses: of no meaning, and no change, where it is not reached by a name.
std::vector<std::string> resolvers_of(const config::Agent& agent, const config::System& system) {
  return agent.is_named ? system.resolvers : std::vector<std::string>{};
}

pool::AgentSpec agent_spec(const config::Agent& agent, const config::System& system) {
  using wire::Encoding;
  const bool json_first = agent.transport == config::AgentTransport::unix_socket;
  pool::Config pool = agent.pool;
  pool.channel_buffer_size = agent.max_waiting_calls;
  return {.id = agent.id,
          .endpoint = endpoint_of(agent),
          .resolvers = resolvers_of(agent, system),
          .reverse = agent.reverse,
          .dialect = agent.dialect,
          .insecure = agent.insecure,
          .tls = tls_of(agent),
          .encodings = json_first ? std::vector{Encoding::json, Encoding::msgpack}
                                  : std::vector{Encoding::msgpack, Encoding::json},
          .events = event_kinds(agent.events),
          .config_json = agent.config_json,
          .declared_events_only = agent.declared_events_only,
          .max_concurrent_calls = agent.max_concurrent_calls,
          .breaker = agent.circuit_breaker,
          .config = pool};
}

/// An agent with the log of its own fortunes: those of its successor are another's.
struct Observed {
  Observed(std::size_t shard, spdlog::logger& log, reports::AgentReports* reports) : desk(shard, log, reports) {}
  AgentDesk desk;
  std::unique_ptr<pool::Agent> agent;  // after the desk, which it tells of its end
};

base::Result<std::shared_ptr<pool::Agent>> connect(transport::Worker& worker, std::size_t shard, spdlog::logger& log,
                                                   const pool::AgentSpec& spec, reports::AgentReports* reports) {
  const auto observed = std::make_shared<Observed>(shard, log, reports);
  auto made = pool::Agent::make(worker, spec, {}, &observed->desk);
  if (!made) return std::move(made.error());
  observed->agent = std::move(*made);
  return std::shared_ptr<pool::Agent>{observed, observed->agent.get()};
}

}  // namespace

std::shared_ptr<pool::Agent> Agents::find(std::string_view id) const noexcept {
  const auto found = std::ranges::find_if(agents_, [id](const auto& agent) { return agent->id() == id; });
  return found == agents_.end() ? nullptr : *found;
}

void Agents::add(std::shared_ptr<pool::Agent> agent, Predecessor predecessor) {
  agents_.push_back(std::move(agent));
  predecessors_.push_back(predecessor);
}

base::Result<Agents> Agents::make(transport::Worker& worker, std::size_t shard, spdlog::logger& log,
                                  const config::Config& config, const Agents* previous,
                                  reports::AgentReports* reports) {
  Agents made;
  for (const auto& wanted : config.agents) {
    const auto spec = agent_spec(wanted, config.system);
    auto before = previous != nullptr ? previous->find(spec.id) : nullptr;
    if (before != nullptr && before->spec() == spec) {
      made.add(std::move(before), Predecessor::itself);
      continue;
    }
    if (before != nullptr && before->spec().differs_in_configuration_only(spec)) {
      PICKET_TRY(before->offer(*spec.config_json));
      made.offers_.emplace_back(before);
      made.add(std::move(before), Predecessor::itself);
      continue;
    }
    auto agent = connect(worker, shard, log, spec, reports);
    if (!agent) return std::move(agent.error());
    auto predecessor = previous == nullptr ? Predecessor::unready : Predecessor::nobody;
    if (before != nullptr) predecessor = before->ready_connections() != 0 ? Predecessor::ready : Predecessor::unready;
    made.add(std::move(*agent), predecessor);
  }
  return made;
}

void Agents::adopt() {
  for (OfferedConfiguration& offer : offers_) offer.adopt();
  offers_.clear();
}

Readiness Agents::readiness() const {
  Readiness state;
  for (const OfferedConfiguration& offer : offers_) {
    const pool::Agent& agent = offer.agent();
    if (agent.offer_state() == pool::Agent::OfferState::accepted) continue;
    state.is_complete = false;
    state.missing = fmt::format("agent \"{}\" has not accepted its configuration", agent.id());
    if (agent.offer_refusal())
      state.refusal = fmt::format("agent \"{}\" refused its configuration: {}", agent.id(), *agent.offer_refusal());
  }
  for (std::size_t i = 0; i < agents_.size(); ++i) {
    const pool::Agent& agent = *agents_[i];
    const bool is_awaited = predecessors_[i] != Predecessor::itself && agent.spec().is_dialled();
    if (!is_awaited || agent.ready_connections() != 0) continue;
    state.is_complete = false;
    if (agent.refusal() && predecessors_[i] != Predecessor::unready)
      state.refusal = fmt::format("agent \"{}\" refused its configuration: {}", agent.id(), *agent.refusal());
    if (predecessors_[i] == Predecessor::ready)
      state.missing = fmt::format("agent \"{}\" is not ready{}", agent.id(),
                                  agent.last_error() ? ": " + agent.last_error()->message() : "");
  }
  return state;
}

}  // namespace picket::apps::gateway::generation
