#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include <boost/intrusive/list.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include "apps/gateway/downstream/admission.hpp"
#include "apps/gateway/generation/service.hpp"
#include "apps/gateway/serving/client_connection.hpp"
#include "apps/gateway/serving/run_there.hpp"
#include "picket/pool/reverse/connection.hpp"
#include "picket/transport/listener.hpp"
#include "picket/transport/worker.hpp"

namespace picket::apps::gateway::serving {

/// One worker thread with everything it serves: listeners (the kernel spreads clients over the shards' listeners of one
/// port), client connections, and the current configuration with its agents. Shards share nothing that is written.
///
/// Thread safety: functions marked "any thread" may be called from one controlling thread; they wait for the shard's
/// thread to do it. All others are the shard's own.
class Shard {
 public:
  /// `shards`: how many there are; each takes its share of max-connections. `admission`: what they know together.
  /// `log`: the process's. `reports`: for what agents tell the process; null: nobody wants it.
  Shard(std::size_t index, std::size_t shards, bool busy_polling, downstream::Admission& admission, spdlog::logger& log,
        reports::AgentReports* reports = nullptr);
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;
  /// Any thread. Ends the thread; connections that are left are aborted.
  ~Shard();

  // ---- any thread
  /// This shard's sockets of an address. Called on its thread.
  using Sockets = std::function<base::Result<std::vector<transport::ListeningSocket>>(const transport::Endpoint&)>;
  /// Makes a service of a generation, which connects to its agents, and takes the sockets of addresses that are new;
  /// nobody is accepted from them yet. Errors: Service::create's and the sockets'; then nothing is prepared.
  [[nodiscard]] base::Status prepare(const std::shared_ptr<const generation::Generation>& generation,
                                     const std::vector<transport::Endpoint>& endpoints, const Sockets& sockets);
  /// How the agents of the prepared service are doing.
  [[nodiscard]] generation::Readiness readiness();
  /// Takes what is prepared into use: new exchanges are served by it, and addresses that are not in it are closed.
  /// `upstream_sockets`: how many connections to upstreams it may have, over all configurations that are in use.
  void commit(std::size_t upstream_sockets);
  /// Forgets what is prepared.
  void discard();
  /// Gives a connection that an agent dialled to the agent that it feeds, or tells it that there is none. Returns at
  /// once.
  void join(pool::reverse::Connection accepted);
  /// An agent is to be restarted: its connections drain (pool::Agent::restart). Returns at once.
  void restart_agent(const std::string& id, base::Duration grace);
  /// Accepts nothing more; connections close after the exchange they are in, or after their next one.
  void drain();
  /// Once it drains: closes the connections that wait for a request.
  void close_idle();
  /// Another process of the same gateway has so many connections: they count here, too.
  void share_places_with(std::size_t elsewhere);
  /// Ends every connection.
  void abort();
  [[nodiscard]] const generation::ShardMetrics& metrics() const noexcept { return state_.metrics; }
  [[nodiscard]] std::uint64_t held_bytes() const noexcept { return worker_.blocks().held(); }
  /// What a scrape reads; not while commit() runs.
  [[nodiscard]] const generation::Service* current() const noexcept { return service_.get(); }

  // ---- its own thread
  [[nodiscard]] transport::Worker& worker() noexcept { return worker_; }
  [[nodiscard]] generation::ShardState& state() noexcept { return state_; }
  /// Whether connections that wait for a request are closed.
  [[nodiscard]] bool closes_idle() const noexcept { return closes_idle_; }
  [[nodiscard]] const std::shared_ptr<generation::Service>& service() const noexcept { return service_; }
  void opened(ClientConnection& connection);
  void closed(ClientConnection& connection);
  /// The connection waits for a request, and may be closed where a new client needs its place.
  void begins_to_wait(ClientConnection& connection);
  /// Whether the client may begin a TLS handshake now, by handshakes-per-second; it is counted if so.
  [[nodiscard]] bool may_shake_hands(const ClientConnection& connection);
  void ends_to_wait(ClientConnection& connection);

 private:
  /// Runs `work` on the shard's thread and waits for it.
  template <class Work>
  auto run_there(Work work) -> decltype(work()) {
    return serving::run_there(worker_, std::move(work));
  }
  transport::Task<void> accept_on(transport::Listener listener);
  void accept_failed(const base::Error& error);
  [[nodiscard]] bool is_over_full() const noexcept;
  void evict(ClientConnection& connection);
  bool evict_one();
  bool evict_one_of(const std::string& client);
  [[nodiscard]] transport::Task<bool> admit(ClientConnection& connection);
  [[nodiscard]] std::optional<downstream::Admission::Place> place_for(const ClientConnection& connection);
  [[nodiscard]] bool is_exempt(const ClientConnection& connection) const;
  [[nodiscard]] transport::Task<std::optional<downstream::Admission::Place>> place_of_others(
      const ClientConnection& connection);
  transport::Task<void> serve(std::unique_ptr<ClientConnection> connection);
  void let_agents_dial_again(const generation::Service& before);
  void give_up_replaced(base::TimePoint now);

  transport::Worker worker_;
  generation::ShardState state_;
  std::size_t shards_;
  std::size_t max_connections_ = 0;
  bool closes_idle_ = false;
  std::size_t elsewhere_ = 0;  // this shard's share of those that another process has
  downstream::Admission& admission_;
  std::shared_ptr<generation::Service> service_;

  /// What commit() is to take into use.
  struct Prepared {
    std::shared_ptr<generation::Service> service;
    std::vector<transport::Endpoint> endpoints;
    std::vector<transport::Listener> listeners;  // those that are new
  };
  std::optional<Prepared> prepared_;
  /// An agent that dials and has another in its place, until its exchanges are over.
  struct Replaced {
    std::weak_ptr<pool::Agent> agent;
    base::TimePoint stays_until;
  };
  std::vector<Replaced> replaced_;                              // the longest first
  base::Timer replaced_timer_;                                  // armed while there are any
  std::multimap<std::string, transport::Listener*> listeners_;  // by address; they live in the frames of accept_on()
  boost::unordered_flat_set<ClientConnection*> connections_;
  /// Connections that wait for a request, the longest first: those that never had one, and those that had.
  using Waiting = boost::intrusive::list<ClientConnection>;
  Waiting never_served_;
  Waiting served_;
  std::unordered_map<std::string, Siblings> by_client_;  // where their connections are limited
  std::size_t evicted_ = 0;      // of connections_: closed, their coroutines not at their end yet
  std::size_t turned_away_ = 0;  // of connections_: told that they have no place
  std::jthread thread_;
};

}  // namespace picket::apps::gateway::serving
