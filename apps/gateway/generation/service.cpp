#include "apps/gateway/generation/service.hpp"

#include <algorithm>

#include "apps/gateway/generation/chains.hpp"
#include "picket/transport/endpoint.hpp"

namespace picket::apps::gateway::generation {

Service::Service(transport::Worker& worker_in, ShardState& shard_in, std::shared_ptr<const Generation> generation_in,
                 Agents agents_in, const Service* previous)
    : worker(worker_in),
      shard(shard_in),
      generation(std::move(generation_in)),
      config(generation->config),
      agents(std::move(agents_in)),
      access(generation->logs->access ? &generation->logs->access->queue(shard.index) : nullptr,
             config.observability.access_format, config.observability.access_fields),
      audit(generation->logs->audit ? &generation->logs->audit->queue(shard.index) : nullptr),
      head_limits{.max_size = config.limits.max_header_size, .max_fields = config.limits.max_header_count} {
  for (const auto& listener : config.listeners) {
    const auto endpoint = transport::Endpoint::tcp(listener.host, listener.port);
    listener_addresses_.push_back(endpoint ? endpoint->text() : std::string{});
  }
  for (const auto& resolved : generation->upstreams) upstreams.push_back(pool_for(resolved, previous));
  for (const auto& agent : config.agents) agent_counters.push_back(&shard.metrics.agents[agent.id]);
  chains_ = make_chains(config, agents.all(), agent_counters);
}

std::shared_ptr<upstream::Pool> Service::pool_for(const upstream::Resolved& wanted, const Service* previous) {
  if (previous != nullptr) {
    const auto found = std::ranges::find_if(
        previous->upstreams, [&](const auto& pool) { return upstream::is_same(pool->resolved(), wanted); });
    if (found != previous->upstreams.end()) return *found;
  }
  return std::make_shared<upstream::Pool>(worker, wanted, upstream_timeouts, shard.upstream_sockets);
}

std::optional<std::size_t> Service::index_of(std::string_view address) const noexcept {
  const auto found = std::ranges::find(listener_addresses_, address);
  if (found == listener_addresses_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - listener_addresses_.begin());
}

const config::Listener* Service::listener(std::string_view address) const noexcept {
  const auto index = index_of(address);
  return index ? &config.listeners[*index] : nullptr;
}

const TlsContext& Service::tls(std::string_view address) const noexcept {
  static const TlsContext none;
  const auto index = index_of(address);
  return index ? generation->tls[*index] : none;
}

base::Result<std::shared_ptr<Service>> Service::create(transport::Worker& worker, ShardState& shard,
                                                       std::shared_ptr<const Generation> generation,
                                                       const Service* previous) {
  auto agents = Agents::make(worker, shard.index, generation->config, previous != nullptr ? &previous->agents : nullptr,
                             shard.agent_reports);
  if (!agents) return std::move(agents.error());
  return std::shared_ptr<Service>{new Service{worker, shard, std::move(generation), std::move(*agents), previous}};
}

}  // namespace picket::apps::gateway::generation
