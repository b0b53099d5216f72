#include "apps/gateway/shard.hpp"

#include <algorithm>
#include <future>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

namespace picket::apps::gateway {
namespace {

/// What a client is told that finds every place taken: its request is not read.
std::string overloaded(std::string_view date) {
  return fmt::format(
      "HTTP/1.1 503 Service Unavailable\r\nx-picket-reason: overloaded\r\nDate: {}\r\nContent-Length: 0\r\n"
      "Connection: close\r\n\r\n",
      date);
}

}  // namespace

template <class Work>
auto Shard::run_there(Work work) -> decltype(work()) {
  std::packaged_task<decltype(work())()> task{std::move(work)};
  auto result = task.get_future();
  worker_.post([&task] { task(); });
  return result.get();
}

Shard::Shard(std::size_t index, std::size_t shards, bool busy_polling)
    : worker_({.busy_polling = busy_polling}),
      state_{.index = index, .draining = false, .date = {}, .metrics = {}},
      shards_(shards),
      agent_log_(index),
      thread_([this] { worker_.run(); }) {}

Shard::~Shard() {
  drain();
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

base::Status Shard::prepare(const std::shared_ptr<const Generation>& generation,
                            const std::vector<transport::Endpoint>& endpoints) {
  return run_there([&]() -> base::Status {
    auto service = Service::create(worker_, state_, generation, &agent_log_);
    if (!service) return std::move(service.error());
    Prepared made{.service = std::move(*service), .endpoints = endpoints, .listeners = {}};
    for (const auto& endpoint : endpoints) {
      if (listeners_.contains(endpoint.text())) continue;
      auto listener = transport::Listener::open(worker_, endpoint, {.reuse_port = true});
      if (!listener) return std::move(listener.error());
      made.listeners.push_back(std::move(*listener));
    }
    prepared_.emplace(std::move(made));
    return {};
  });
}

bool Shard::prepared_is_ready() {
  return run_there([this] {
    return std::ranges::all_of(prepared_->service->inspection.agents,
                               [](const pool::Agent* agent) { return agent->ready_connections() != 0; });
  });
}

void Shard::commit() {
  run_there([this] {
    for (const auto& [address, listener] : listeners_)
      if (std::ranges::find(prepared_->endpoints, address, &transport::Endpoint::text) == prepared_->endpoints.end())
        listener->close();
    service_ = std::move(prepared_->service);
    max_connections_ = (service_->config.system.max_connections + shards_ - 1) / shards_;
    for (auto& listener : prepared_->listeners) transport::spawn(accept_on(std::move(listener)));
    prepared_.reset();
  });
}

void Shard::discard() {
  run_there([this] { prepared_.reset(); });
}

void Shard::drain() {
  run_there([this] {
    state_.draining = true;
    for (const auto& [address, listener] : listeners_) listener->close();
    for (Connection* const connection : connections_) connection->close_if_idle();
  });
}

void Shard::abort() {
  run_there([this] {
    // Aborting one may end it, which takes it out of the set.
    const std::vector<Connection*> all{connections_.begin(), connections_.end()};
    for (Connection* const connection : all)
      if (connections_.contains(connection)) connection->abort();
  });
}

// ---- clients

transport::Task<void> Shard::accept_on(transport::Listener listener) {
  const std::string address = listener.endpoint().text();
  listeners_.emplace(address, &listener);
  std::function<void(int)> take_one = [this, &address](int descriptor) { take(address, descriptor); };
  co_await transport::accept_all(listener, worker_, std::move(take_one));
  listeners_.erase(address);
}

void Shard::take(const std::string& listener, int descriptor) {
  if (connections_.size() >= max_connections_) {
    state_.metrics.connections_refused.add();
    const std::string answer = overloaded(state_.date.now());
    (void)::send(descriptor, answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::close(descriptor);
    return;
  }
  transport::spawn(serve(listener, descriptor));
}

transport::Task<void> Shard::serve(std::string listener, int descriptor) {
  Connection connection{*this, listener, descriptor};
  co_await connection.serve();
}

void Shard::opened(Connection& connection) {
  connections_.insert(&connection);
  state_.metrics.connections.add();
  state_.metrics.connections_open.add(1);
}

void Shard::closed(Connection& connection) {
  connections_.erase(&connection);
  state_.metrics.connections_open.add(-1);
}

}  // namespace picket::apps::gateway
