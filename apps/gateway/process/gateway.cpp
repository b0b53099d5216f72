#include "apps/gateway/process/gateway.hpp"

#include <algorithm>

#include <spdlog/logger.h>

#include "apps/gateway/process/metrics_page.hpp"

namespace picket::apps::gateway::process {
namespace {

// Agents that are up connect within a few milliseconds; who starts later is connected to later.
constexpr auto patience_with_agents = std::chrono::seconds{1};

// An agent in whose place another serves may take its time over its configuration: a rule set is compiled.
constexpr auto patience_with_successors = std::chrono::seconds{30};

base::Result<std::vector<transport::Endpoint>> endpoints_of(const config::Config& config) {
  std::vector<transport::Endpoint> endpoints;
  for (const auto& listener : config.listeners) {
    auto endpoint = transport::Endpoint::tcp(listener.host, listener.port);
    if (!endpoint) return std::move(endpoint.error());
    endpoints.push_back(std::move(*endpoint));
  }
  return endpoints;
}

bool same_address(const std::optional<config::Observability::Metrics>& a,
                  const std::optional<config::Observability::Metrics>& b) {
  return a && b && a->host == b->host && a->port == b->port;
}

}  // namespace

Gateway::Gateway(const config::System& system, ProcessLog& log) : log_(log), descriptors_(raise_descriptor_limit()) {
  const std::size_t count =
      system.worker_threads != 0 ? system.worker_threads : std::max(1U, std::thread::hardware_concurrency());
  for (std::size_t i = 0; i < count; ++i)
    shards_.push_back(
        std::make_unique<serving::Shard>(i, count, system.busy_polling, admission_, log_.lines(), &reports_));
  reports_.restart = [this](std::string_view agent, base::Duration grace) {
    const std::lock_guard lock{ending_};
    if (is_ending_) return;
    for (const auto& shard : shards_) shard->restart_agent(std::string{agent}, grace);
  };
  reverse_ = std::make_unique<ReverseAgents>(count, log_.lines(), [this](pool::reverse::Connection accepted) {
    shards_[accepted.worker]->join(std::move(accepted));
  });
}

/// Agents that dial are handed to the shards, which go first.
Gateway::~Gateway() {
  metrics_.reset();
  reverse_->close();
  const std::lock_guard lock{ending_};
  is_ending_ = true;
}

/// A client is let in only where there will be a descriptor for its upstream as well.
base::Result<DescriptorShares> Gateway::cap_connections(config::Config& config) const {
  auto shares = share_descriptors(descriptors_, config, shards_.size());
  if (!shares) return shares;
  auto& wanted = config.system.max_connections;
  if (shares->clients < wanted)
    log_.lines().warn(
        "max-connections is {} in place of {}: of {} open descriptors each client may need two, and agents, "
        "logs and metrics have theirs; raise the hard limit (ulimit -Hn, LimitNOFILE)",
        shares->clients, wanted, descriptors_);
  wanted = shares->clients;
  return shares;
}

void Gateway::inherit(Inheritance inheritance) {
  for (auto& socket : inheritance.sockets) sockets_.inherit(std::move(socket));
  inherited_files_ = std::move(inheritance.files);
  if (inheritance.tickets) tickets_->take(*inheritance.tickets);
}

base::Status Gateway::apply(config::Config config, const std::function<bool()>& is_to_end) {
  auto applied = try_to_apply(std::move(config), is_to_end);
  if (!applied) discard();
  return applied;
}

base::Status Gateway::try_to_apply(config::Config config, const std::function<bool()>& is_to_end) {
  const auto shares = cap_connections(config);
  if (!shares) return shares.error();
  auto made = generation::Generation::make(std::move(config), shards_.size(), generation_.get(), log_closer_,
                                           log_.lines(), tickets_);
  if (!made) return std::move(made.error());
  const auto& observability = (*made)->config.observability;
  const bool moves = !generation_ || !same_address(generation_->config.observability.metrics, observability.metrics);
  std::unique_ptr<MetricsServer> metrics;
  // Scrapes before the first configuration is in use wait for it; later ones show the one that serves meanwhile. The
  // lock goes before the server does, which may be waiting.
  std::unique_lock lock{in_use_, std::defer_lock};
  if (!generation_) lock.lock();
  if (observability.metrics) {
    auto opened = open_metrics(*observability.metrics, moves);
    if (!opened) return std::move(opened.error());
    metrics = std::move(*opened);
  }
  PICKET_TRY(prepare(*made, is_to_end));
  if (!lock.owns_lock()) lock.lock();
  for (const auto& shard : shards_) shard->commit(shares->upstreams / shards_.size());
  reverse_->commit();
  for (const std::string& address : sockets_.commit())
    log_.lines().warn("a socket that this process was given is closed: nothing is configured to listen on {}", address);
  generation_ = std::move(*made);
  lock.unlock();
  for (std::size_t i = 0; i < generation_->tls.size(); ++i)
    for (const std::string& warning : generation::warnings_of(generation_->config.listeners[i], generation_->tls[i]))
      log_.lines().warn("{}", warning);
  for (std::size_t i = 0; i < generation_->upstream_tls.size(); ++i)
    for (const std::string& warning :
         generation::warnings_of(generation_->config.upstreams[i], generation_->upstream_tls[i]))
      log_.lines().warn("{}", warning);
  log_.lines().info("of {} open descriptors {} are for clients, {} for upstreams, {} are reserved for all else",
                    descriptors_, shares->clients, shares->upstreams, shares->reserved);
  if (moves) metrics_ = std::move(metrics);
  return {};
}

base::Status Gateway::prepare(const std::shared_ptr<const generation::Generation>& generation,
                              const std::function<bool()>& is_to_end) {
  const auto endpoints = endpoints_of(generation->config);
  if (!endpoints) return endpoints.error();
  for (const auto& endpoint : *endpoints) PICKET_TRY(sockets_.prepare(endpoint, shards_.size(), {}));
  PICKET_TRY(reverse_->prepare(generation->config, sockets_));
  for (std::size_t i = 0; i < shards_.size(); ++i)
    PICKET_TRY(shards_[i]->prepare(generation, *endpoints, [this, i](const transport::Endpoint& endpoint) {
      return sockets_.of_worker(endpoint, i, shards_.size());
    }));
  const base::TimePoint began = base::Clock::now();
  while (true) {
    const generation::Readiness state = readiness();
    const auto waited = base::Clock::now() - began;
    if (state.refusal) return base::fail(base::ErrorKind::unavailable, *state.refusal);
    if (state.is_complete || (!state.missing && waited >= patience_with_agents)) return {};
    if (waited >= patience_with_successors) return base::fail(base::ErrorKind::timeout, *state.missing);
    if (state.missing && is_to_end()) return base::fail(base::ErrorKind::unavailable, "the gateway is to end");
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
}

generation::Readiness Gateway::readiness() const {
  generation::Readiness all;
  for (const auto& shard : shards_) {
    generation::Readiness one = shard->readiness();
    all.is_complete = all.is_complete && one.is_complete;
    if (one.missing) all.missing = std::move(one.missing);
    if (one.refusal) all.refusal = std::move(one.refusal);
  }
  return all;
}

void Gateway::discard() {
  sockets_.discard();
  reverse_->discard();
  for (const auto& shard : shards_) shard->discard();
}

/// Null where the one that serves stays.
base::Result<std::unique_ptr<MetricsServer>> Gateway::open_metrics(const config::Observability::Metrics& wanted,
                                                                   bool moves) {
  const auto endpoint = transport::Endpoint::tcp(wanted.host, wanted.port);
  if (!endpoint) return endpoint.error();
  if (auto prepared = sockets_.prepare(*endpoint, 1, {}); !prepared) return std::move(prepared.error());
  if (!moves) return std::unique_ptr<MetricsServer>{};
  auto socket = sockets_.of_worker(*endpoint, 0, 1);
  if (!socket) return std::move(socket.error());
  return MetricsServer::open(std::move(socket->front()), [this](std::string_view path) -> std::optional<std::string> {
    const std::lock_guard lock{in_use_};
    // A scrape may come before a first configuration that fails, or while a reload is taking the page away.
    const auto* const served = generation_ ? &generation_->config.observability.metrics : nullptr;
    if (served == nullptr || !*served || path != (*served)->path) return std::nullopt;
    return metrics_page(shards_, *generation_, {reverse_->metrics(), reports_}, {log_, reloads_});
  });
}

void Gateway::reopen_logs() {
  for (auto& writer : generation_->logs->writers) writer.reopen();
}

void Gateway::stop_accepting() {
  reverse_->close();
  for (const auto& shard : shards_) shard->drain();
}

void Gateway::drain() {
  stop_accepting();
  sockets_.close();
  close_idle();
}

void Gateway::close_idle() {
  for (const auto& shard : shards_) shard->close_idle();
}

void Gateway::leave() {
  metrics_.reset();
  sockets_.leave();
  stop_accepting();
  for (const auto& agent : generation_->config.agents)
    if (!agent.reverse.empty())
      for (const auto& shard : shards_) shard->restart_agent(agent.id, {});
}

void Gateway::share_places_with(std::size_t elsewhere) {
  for (const auto& shard : shards_) shard->share_places_with(elsewhere);
}

std::size_t Gateway::connections() const {
  std::size_t open = 0;
  for (const auto& shard : shards_) open += static_cast<std::size_t>(shard->metrics().connections_open.value());
  return open;
}

std::uint64_t Gateway::memory_given_back() const {
  std::uint64_t clients = 0;
  for (const auto& shard : shards_) {
    const auto& metrics = shard->metrics();
    clients += metrics.rests.value() + metrics.connections.value();
  }
  return clients - std::min<std::uint64_t>(clients, connections());
}

}  // namespace picket::apps::gateway::process
