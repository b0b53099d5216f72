#include "apps/gateway/serving/shard.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/logger.h>

namespace picket::apps::gateway::serving {
namespace {

// Idle connections to upstreams, for clients that cannot be accepted: those that wait come together.
constexpr std::size_t closed_at_once = 16;

// An agent that dials comes to the agent in its place only once its connection has ended: requests that began before
// must not keep it from those that begin now.
constexpr base::Duration replaced_agents_stay = std::chrono::seconds{5};

}  // namespace

Shard::Shard(std::size_t index, std::size_t shards, bool busy_polling, downstream::Admission& admission,
             spdlog::logger& log, reports::AgentReports* reports)
    : worker_({.busy_polling = busy_polling}),
      state_{.index = index,
             .log = log,
             .agent_reports = reports,
             .draining = false,
             .date = {},
             .timestamps = {},
             .metrics = {},
             .hangups = transport::HangupMonitor{worker_},
             .upstream_sockets = {}},
      shards_(shards),
      admission_(admission),
      replaced_timer_([](void* self, base::TimePoint now) { static_cast<Shard*>(self)->give_up_replaced(now); }, this),
      thread_([this] { worker_.run(); }) {
  admission_.join(worker_, [this](const std::string& client) { evict_one_of(client); });
}

Shard::~Shard() {
  admission_.part(worker_);
  drain();
  close_idle();
  abort();
  // Connections end within a turn or two of being aborted; then nothing is left that the loop works for.
  while (run_there([this] { return !connections_.empty() || !listeners_.empty(); }))
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  run_there([this] {
    prepared_.reset();
    service_.reset();
  });
  worker_.stop();
  thread_.join();
}

base::Status Shard::prepare(const std::shared_ptr<const generation::Generation>& generation,
                            const std::vector<transport::Endpoint>& endpoints, const Sockets& sockets) {
  return run_there([&]() -> base::Status {
    auto service = generation::Service::create(worker_, state_, generation, service_.get());
    if (!service) return std::move(service.error());
    Prepared made{.service = std::move(*service), .endpoints = endpoints, .listeners = {}};
    const transport::ListenOptions options{.on_failed = [this](const base::Error& error) { accept_failed(error); }};
    for (const auto& endpoint : endpoints) {
      if (listeners_.contains(endpoint.text())) continue;
      auto mine = sockets(endpoint);
      if (!mine) return std::move(mine.error());
      for (auto& socket : *mine) {
        auto listener = transport::Listener::take(worker_, std::move(socket), options);
        if (!listener) return std::move(listener.error());
        made.listeners.push_back(std::move(*listener));
      }
    }
    prepared_.emplace(std::move(made));
    return {};
  });
}

generation::Readiness Shard::readiness() {
  return run_there([this] { return prepared_->service->readiness(); });
}

void Shard::commit(std::size_t upstream_sockets) {
  run_there([this, upstream_sockets] {
    for (const auto& [address, listener] : listeners_)
      if (std::ranges::find(prepared_->endpoints, address, &transport::Endpoint::text) == prepared_->endpoints.end())
        listener->close();
    const auto before = std::exchange(service_, std::move(prepared_->service));
    service_->agents.adopt();
    if (before) let_agents_dial_again(*before);
    max_connections_ = (service_->config.system.max_connections + shards_ - 1) / shards_;
    state_.upstream_sockets.set_limit(upstream_sockets);
    worker_.blocks().set_budget(service_->config.limits.max_held_size / shards_);
    for (auto& listener : prepared_->listeners) transport::spawn(accept_on(std::move(listener)));
    prepared_.reset();
  });
}

void Shard::let_agents_dial_again(const generation::Service& before) {
  const base::TimePoint until = worker_.now() + replaced_agents_stay;
  for (const auto& agent : before.agents.all())
    if (!agent->spec().is_dialled() && service_->agents.find(agent->id()) != agent)
      replaced_.push_back({.agent = agent, .stays_until = until});
  if (!replaced_.empty() && !replaced_timer_.armed())
    worker_.timers().arm(replaced_timer_, replaced_.front().stays_until);
}

void Shard::give_up_replaced(base::TimePoint now) {
  const auto stays = std::ranges::find_if(replaced_, [now](const auto& each) { return each.stays_until > now; });
  for (auto each = replaced_.begin(); each != stays; ++each)
    if (const auto agent = each->agent.lock()) agent->close_now();
  replaced_.erase(replaced_.begin(), stays);
  if (!replaced_.empty()) worker_.timers().arm(replaced_timer_, replaced_.front().stays_until);
}

void Shard::discard() {
  run_there([this] { prepared_.reset(); });
}

void Shard::join(pool::reverse::Connection accepted) {
  worker_.post([this, connection = std::move(accepted)]() mutable {
    const auto agent = service_ ? service_->agents.find(connection.agent) : nullptr;
    if (agent) return agent->take(std::move(connection));
    pool::reverse::refuse(worker_, std::move(connection), "the proxy has just been given another configuration");
  });
}

void Shard::restart_agent(const std::string& id, base::Duration grace) {
  worker_.post([this, id, grace] {
    const auto agent = service_ ? service_->agents.find(id) : nullptr;
    if (agent) agent->restart(grace);
  });
}

void Shard::drain() {
  run_there([this] {
    state_.draining = true;
    for (const auto& [address, listener] : listeners_) listener->close();
  });
}

void Shard::close_idle() {
  run_there([this] {
    closes_idle_ = true;
    for (ClientConnection* const connection : connections_) connection->drain();
  });
}

void Shard::share_places_with(std::size_t elsewhere) {
  worker_.post([this, elsewhere] { elsewhere_ = (elsewhere + shards_ - 1) / shards_; });
}

void Shard::abort() {
  run_there([this] {
    for (ClientConnection* const connection : connections_) connection->abort();
  });
}

// ---- clients

transport::Task<void> Shard::accept_on(transport::Listener listener) {
  const std::string address = listener.endpoint().text();
  const auto entry = listeners_.emplace(address, &listener);
  std::function<void(const transport::Accepted&)> take = [this, &address](const transport::Accepted& accepted) {
    transport::spawn(serve(std::make_unique<ClientConnection>(*this, address, accepted)));
  };
  co_await transport::accept_all(listener, worker_, std::move(take));
  listeners_.erase(entry);
}

transport::Task<void> Shard::serve(std::unique_ptr<ClientConnection> connection) {
  if (connection->is_gone()) co_return;
  const bool is_admitted = co_await admit(*connection);
  if (is_admitted) {
    co_await connection->serve();
    co_return;
  }
  state_.metrics.connections_refused.add();
  const bool lingers = ++turned_away_ <= downstream::max_turned_away;
  co_await connection->turn_away(lingers);
  --turned_away_;
}

/// A client that has all it may have takes a place from itself, never from others.
transport::Task<bool> Shard::admit(ClientConnection& connection) {
  auto place = place_for(connection);
  if (!place && evict_one_of(connection.peer().address)) place = place_for(connection);
  if (!place) place = co_await place_of_others(connection);
  if (!place || (is_over_full() && !evict_one())) co_return false;
  Siblings* const siblings = place->is_counted() ? &by_client_[connection.peer().address] : nullptr;
  if (siblings != nullptr && siblings->count++ == 0) siblings->client = connection.peer().address;
  connection.hold(std::move(*place), siblings);
  co_return true;
}

/// The client's idle connections may all be on other workers, which look for themselves.
transport::Task<std::optional<downstream::Admission::Place>> Shard::place_of_others(
    const ClientConnection& connection) {
  const auto searching =
      admission_.ask_others(worker_, connection.peer().address, service_->config.limits.max_connections_per_client);
  std::optional<downstream::Admission::Place> place;
  for (bool is_last = false; !place && !is_last;) {
    is_last = *searching == 0;
    if (!is_last) co_await transport::SleepUntil{worker_, worker_.now() + std::chrono::milliseconds{1}};
    place = place_for(connection);
  }
  co_return place;
}

/// Proxies that speak for many clients are not counted as one.
bool Shard::is_exempt(const ClientConnection& connection) const {
  return service_->listener(connection.listener()).trusts(connection.peer().ip);
}

std::optional<downstream::Admission::Place> Shard::place_for(const ClientConnection& connection) {
  const std::uint32_t limit = is_exempt(connection) ? 0 : service_->config.limits.max_connections_per_client;
  return admission_.admit(connection.peer().address, limit);
}

bool Shard::may_shake_hands(const ClientConnection& connection) {
  const std::uint32_t limit = is_exempt(connection) ? 0 : service_->config.limits.handshakes_per_second;
  return admission_.may_shake_hands(connection.peer().address, limit, worker_.now());
}

bool Shard::is_over_full() const noexcept {
  return connections_.size() - evicted_ - turned_away_ + elsewhere_ > max_connections_;
}

void Shard::evict(ClientConnection& connection) {
  ends_to_wait(connection);
  ++evicted_;
  connection.evict();
}

/// Closes who has waited longest for a request, of the kind that there is more of: a flood of connections that send
/// nothing does not cost those their place who do, nor do many that were served once keep everybody new out.
bool Shard::evict_one() {
  Waiting& waiting = never_served_.size() >= served_.size() ? never_served_ : served_;
  if (waiting.empty()) return false;
  evict(waiting.front());
  return true;
}

bool Shard::evict_one_of(const std::string& client) {
  const auto siblings = by_client_.find(client);
  if (siblings == by_client_.end() || siblings->second.waiting.empty()) return false;
  evict(siblings->second.waiting.front());
  return true;
}

/// Where descriptors are short, what is idle goes: connections to upstreams first, which cost nobody anything.
void Shard::accept_failed(const base::Error& error) {
  bool closed = false;
  for (std::size_t i = 0; i < closed_at_once && state_.upstream_sockets.close_oldest(); ++i) closed = true;
  if (!closed) evict_one();
  if (admission_.may_complain(worker_.now()))
    state_.log.error("{}; tried again every 100 ms (worker {})", error.message(), state_.index);
}

void Shard::begins_to_wait(ClientConnection& connection) {
  (connection.was_served() ? served_ : never_served_).push_back(connection);
  if (auto* const siblings = connection.siblings()) siblings->waiting.push_back(connection);
}

void Shard::ends_to_wait(ClientConnection& connection) {
  Waiting& waiting = connection.was_served() ? served_ : never_served_;
  if (!connection.is_waiting()) return;
  waiting.erase(waiting.iterator_to(connection));
  if (auto* const siblings = connection.siblings()) siblings->waiting.erase(siblings->waiting.iterator_to(connection));
}

void Shard::opened(ClientConnection& connection) {
  connections_.insert(&connection);
  state_.metrics.connections.add();
  state_.metrics.connections_open.add(1);
}

void Shard::closed(ClientConnection& connection) {
  ends_to_wait(connection);
  connections_.erase(&connection);
  if (auto* const siblings = connection.siblings(); siblings != nullptr && --siblings->count == 0)
    by_client_.erase(by_client_.find(siblings->client));  // its peer may have another name since a proxy has told it
  if (connection.is_evicted()) --evicted_;
  state_.metrics.connections_open.add(-1);
}

}  // namespace picket::apps::gateway::serving
