#include "apps/gateway/generation/service.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "apps/gateway/generation/chains.hpp"
#include "apps/gateway/generation/upstream_desk.hpp"
#include "picket/transport/endpoint.hpp"

namespace picket::apps::gateway::generation {
namespace {

/// As one worker has it. Who is asked for addresses is of no meaning, and no change, where no target is a name.
upstream::Spec spec_of(const Generation& generation, std::size_t index) {
  const config::Upstream& upstream = generation.config.upstreams[index];
  const config::System& system = generation.config.system;
  upstream::Spec spec{.upstream = upstream, .names = {}, .tls = generation.upstream_tls[index].context};
  auto& most = spec.upstream.connection_pool.max_connections;
  most = static_cast<std::uint32_t>((most + generation.shards - 1) / generation.shards);
  if (std::ranges::any_of(upstream.targets, &config::Target::is_named))
    spec.names = {.servers = system.resolvers, .longest_ttl = upstream.dns_refresh};
  return spec;
}

/// A pool with the log of its targets.
struct ToldOf {
  ToldOf(transport::Worker& worker, upstream::Spec spec, ShardState& shard, const upstream::Pool* predecessor)
      : desk(shard.index, spec.upstream.id, shard.log),
        pool(worker, std::move(spec), shard.upstream_sockets, &desk, predecessor) {}
  UpstreamDesk desk;
  upstream::Pool pool;  // after the desk, which hears of it
};

}  // namespace

Service::Service(transport::Worker& worker_in, ShardState& shard_in, std::shared_ptr<const Generation> generation_in,
                 Agents agents_in, const Service* previous)
    : worker(worker_in),
      shard(shard_in),
      generation(std::move(generation_in)),
      config(generation->config),
      router(config),
      agents(std::move(agents_in)),
      access(generation->logs->access ? &generation->logs->access->queue(shard.index) : nullptr,
             config.observability.access_format, config.observability.access_fields),
      audit(generation->logs->audit ? &generation->logs->audit->queue(shard.index) : nullptr, shard.log),
      head_limits{.max_size = config.limits.max_header_size, .max_fields = config.limits.max_header_count} {
  for (const auto& listener : config.listeners) {
    const auto endpoint = transport::Endpoint::tcp(listener.host, listener.port);
    listener_addresses_.push_back(endpoint ? endpoint->text() : std::string{});
  }
  for (std::size_t i = 0; i < config.upstreams.size(); ++i) {
    const auto& upstream = config.upstreams[i];
    upstreams.push_back(pool_for(spec_of(*generation, i), previous));
    had_addresses_.push_back(previous != nullptr && std::ranges::any_of(previous->upstreams, [&](const auto& pool) {
                               return pool->id() == upstream.id && !pool->sites().current().empty();
                             }));
  }
  for (const auto& agent : config.agents) agent_counters.push_back(&shard.metrics.agents[agent.id]);
  chains_ = make_chains(config, agents.all(), agent_counters);
}

std::shared_ptr<upstream::Pool> Service::pool_for(upstream::Spec spec, const Service* previous) {
  const upstream::Pool* predecessor = nullptr;
  if (previous != nullptr) {
    const auto same =
        std::ranges::find(previous->upstreams, spec, [](const auto& pool) -> auto& { return pool->spec(); });
    if (same != previous->upstreams.end()) return *same;
    const auto before =
        std::ranges::find(previous->upstreams, spec.upstream.id, [](const auto& pool) -> auto& { return pool->id(); });
    if (before != previous->upstreams.end()) predecessor = before->get();
  }
  const auto told = std::make_shared<ToldOf>(worker, std::move(spec), shard, predecessor);
  return {told, &told->pool};
}

/// A changed upstream of which nobody knows an address takes nothing away from one that is served.
Readiness Service::readiness() const {
  Readiness state = agents.readiness();
  for (std::size_t i = 0; i < upstreams.size(); ++i) {
    const upstream::Sites& sites = upstreams[i]->sites();
    if (!sites.is_settled()) state.is_complete = false;
    if (!sites.current().empty() || !had_addresses_[i]) continue;
    state.is_complete = false;
    state.missing = fmt::format("upstream \"{}\" has no address: {}", upstreams[i]->id(), sites.why_none().detail());
  }
  return state;
}

std::optional<std::size_t> Service::index_of(std::string_view address) const noexcept {
  const auto found = std::ranges::find(listener_addresses_, address);
  if (found == listener_addresses_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - listener_addresses_.begin());
}

const config::Listener& Service::listener(std::string_view address) const noexcept {
  static const config::Listener any;
  const auto index = index_of(address);
  return index ? config.listeners[*index] : any;
}

const TlsContext& Service::tls(std::string_view address) const noexcept {
  static const TlsContext none;
  const auto index = index_of(address);
  return index ? generation->tls[*index] : none;
}

base::Result<std::shared_ptr<Service>> Service::create(transport::Worker& worker, ShardState& shard,
                                                       std::shared_ptr<const Generation> generation,
                                                       const Service* previous) {
  auto agents = Agents::make(worker, shard.index, shard.log, generation->config,
                             previous != nullptr ? &previous->agents : nullptr, shard.agent_reports);
  if (!agents) return std::move(agents.error());
  return std::shared_ptr<Service>{new Service{worker, shard, std::move(generation), std::move(*agents), previous}};
}

}  // namespace picket::apps::gateway::generation
