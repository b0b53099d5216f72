#include "apps/gateway/service.hpp"

#include <algorithm>

#include "apps/gateway/chains.hpp"
#include "picket/transport/endpoint.hpp"

namespace picket::apps::gateway {
namespace {

std::vector<wire::EventKind> event_kinds(const config::Events& events) {
  std::vector<wire::EventKind> kinds;
  if (events.request_headers) kinds.push_back(wire::EventKind::request_headers);
  if (events.request_body) kinds.push_back(wire::EventKind::request_body_chunk);
  if (events.response_headers) kinds.push_back(wire::EventKind::response_headers);
  if (events.request_complete) kinds.push_back(wire::EventKind::request_complete);
  return kinds;
}

pool::AgentSpec agent_spec(const config::Agent& agent) {
  using wire::Encoding;
  const bool json_first = agent.transport == config::AgentTransport::unix_socket;
  pool::Config pool = agent.pool;
  pool.channel_buffer_size = agent.max_waiting_calls;
  return {.id = agent.id,
          .endpoint = "unix:" + agent.path,
          .encodings = json_first ? std::vector{Encoding::json, Encoding::msgpack}
                                  : std::vector{Encoding::msgpack, Encoding::json},
          .events = event_kinds(agent.events),
          .config_json = agent.config_json,
          .declared_events_only = agent.declared_events_only,
          .max_concurrent_calls = agent.max_concurrent_calls,
          .breaker = agent.circuit_breaker,
          .config = pool};
}

}  // namespace

Service::Service(transport::Worker& worker_in, ShardState& shard_in, std::shared_ptr<const Generation> generation_in,
                 pool::Observer* observer)
    : worker(worker_in),
      shard(shard_in),
      generation(std::move(generation_in)),
      config(generation->config),
      agents(worker, {}, observer),
      audit(generation->logs->audit ? &generation->logs->audit->queue(shard.index) : nullptr),
      head_limits{.max_size = config.limits.max_header_size, .max_fields = config.limits.max_header_count} {
  for (const auto& listener : config.listeners) {
    const auto endpoint = transport::Endpoint::tcp(listener.host, listener.port);
    listener_addresses_.push_back(endpoint ? endpoint->text() : std::string{});
  }
  for (const auto& resolved : generation->upstreams)
    upstreams.push_back(std::make_unique<upstream::Pool>(worker, resolved, upstream_timeouts, shard.upstream_sockets));
  if (const auto& file = generation->logs->access) access = &file->queue(shard.index);
}

const config::Listener* Service::listener(std::string_view address) const noexcept {
  const auto found = std::ranges::find(listener_addresses_, address);
  if (found == listener_addresses_.end()) return nullptr;
  return &config.listeners[static_cast<std::size_t>(found - listener_addresses_.begin())];
}

base::Status Service::add_agents() {
  for (const auto& agent : config.agents) {
    const auto added = agents.add_agent(agent_spec(agent));
    if (!added) return added.error();
    agent_counters.push_back(&shard.metrics.agents[agent.id]);
  }
  chains_ = make_chains(config, agents.agents(), agent_counters);
  return {};
}

base::Result<std::shared_ptr<Service>> Service::create(transport::Worker& worker, ShardState& shard,
                                                       std::shared_ptr<const Generation> generation,
                                                       pool::Observer* observer) {
  const auto destroy_later = [&worker](Service* service) {
    worker.post([owned = std::unique_ptr<Service>{service}] {});
  };
  std::shared_ptr<Service> service{new Service{worker, shard, std::move(generation), observer}, destroy_later};
  PICKET_TRY(service->add_agents());
  return service;
}

}  // namespace picket::apps::gateway
