#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <spdlog/fwd.h>

#include "apps/gateway/config/model.hpp"
#include "apps/gateway/process/listening_sockets.hpp"
#include "picket/pool/reverse/listener.hpp"
#include "picket/pool/reverse/registry.hpp"
#include "picket/transport/tls/context.hpp"
#include "picket/transport/worker.hpp"

namespace picket::apps::gateway::process {

/// What agents that dial are spoken to with. Errors: those of tls::Context::server().
[[nodiscard]] base::Result<std::shared_ptr<const transport::tls::Context>> tls_of(const config::ReverseTls& files);

/// Agents that dial the gateway: where they do, and who may, on a thread of its own. Handshakes and registrations are
/// so never on the way of a request, whoever floods the gateway with them.
///
/// What it knows of who has registered outlives configurations, as their connections do. Thread safety: one controlling
/// thread; metrics() from any. Lifetime: outlives the connections that it has handed on.
class ReverseAgents {
 public:
  /// `deliver` takes a connection to the worker that it names, of so many; called on this object's thread.
  /// `log`: of who was refused.
  ReverseAgents(std::size_t workers, spdlog::logger& log, std::function<void(pool::reverse::Connection)> deliver);
  ReverseAgents(const ReverseAgents&) = delete;
  ReverseAgents& operator=(const ReverseAgents&) = delete;
  ~ReverseAgents();

  /// Reads certificates and takes sockets for the addresses that are new from `sockets`, where all are prepared; nobody
  /// is accepted from them yet. Errors: theirs; then nothing is prepared.
  [[nodiscard]] base::Status prepare(const config::Config& config, ListeningSockets& sockets);
  /// Takes what is prepared into use, and closes the listeners that are not in it.
  void commit();
  /// Forgets what is prepared.
  void discard();
  /// Takes no registrations any more. Returns when those that had begun are over.
  void close();

  [[nodiscard]] const pool::reverse::RegistryMetrics& metrics() const noexcept { return registry_.metrics(); }

 private:
  struct Wanted {
    transport::Endpoint endpoint;
    int backlog = 0;
    pool::reverse::Hearing hearing;
  };
  struct Prepared {
    pool::reverse::Rules rules;
    std::vector<Wanted> wanted;
    std::map<std::string, std::shared_ptr<pool::reverse::Listener>> opened;  // those that are new, by their address
  };
  using Listeners = std::map<std::string, std::shared_ptr<pool::reverse::Listener>>;

  [[nodiscard]] static base::Result<std::vector<Wanted>> wanted_by(const config::ReverseListener& listener);
  [[nodiscard]] pool::reverse::Rules rules_of(const config::Config& config) const;
  [[nodiscard]] base::Status open(Prepared& prepared, const ListeningSockets& sockets);
  void use(Prepared prepared);
  [[nodiscard]] bool is_over();

  std::size_t workers_;
  spdlog::logger& log_;
  transport::Worker worker_{transport::WorkerOptions{.busy_polling = false}};
  pool::reverse::Registry registry_;
  Prepared prepared_;
  Listeners listeners_;                                           // by their address
  std::vector<std::shared_ptr<pool::reverse::Listener>> closed_;  // that have yet to end
  std::jthread thread_;
};

}  // namespace picket::apps::gateway::process
