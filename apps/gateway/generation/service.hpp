#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/gateway/generation/agents.hpp"
#include "apps/gateway/generation/generation.hpp"
#include "apps/gateway/generation/router.hpp"
#include "apps/gateway/generation/shard_metrics.hpp"
#include "apps/gateway/logs/access_log.hpp"
#include "apps/gateway/logs/audit_log.hpp"
#include "apps/gateway/logs/timestamps.hpp"
#include "apps/gateway/reports/agent_reports.hpp"
#include "apps/gateway/upstream/pool.hpp"
#include "picket/http/date.hpp"
#include "picket/http/grammar.hpp"
#include "picket/inspection/chain.hpp"
#include "picket/transport/hangup.hpp"
#include "picket/transport/worker.hpp"

namespace picket::apps::gateway::generation {

/// How long clients may take, beside what their listener says.
struct ClientTimeouts {
  base::Duration write = std::chrono::seconds{60};  ///< of a response, per write
  base::Duration linger = std::chrono::seconds{1};  ///< after an answer that came before the request was read
};
inline constexpr std::size_t linger_bytes = 256 * 1024;

/// What of a shard outlives its configurations.
struct ShardState {
  std::size_t index = 0;
  spdlog::logger& log;                             ///< The process's: any thread.
  reports::AgentReports* agent_reports = nullptr;  ///< For what its agents tell the process; null: nobody wants it.
  bool draining = false;                           ///< Answers close their connections.
  http::DateClock date;
  logs::Timestamps timestamps;
  ShardMetrics metrics;
  transport::HangupMonitor hangups;
  upstream::SocketBudget upstream_sockets;
};

/// One generation of the configuration as one shard serves it: its agents, its upstreams, its logs.
/// Thread safety: the shard's thread; agent metrics may be read from any. Lifetime: shared by the exchanges that use
/// it.
class Service {
 public:
  /// Takes agents and upstreams over from `previous` where they are the same, with their connections and counters, and
  /// begins to connect to the agents that are new. Null: there is none. Errors: those of Agents::make.
  [[nodiscard]] static base::Result<std::shared_ptr<Service>> create(transport::Worker& worker, ShardState& shard,
                                                                     std::shared_ptr<const Generation> generation,
                                                                     const Service* previous);

  /// How the agents and upstreams are doing that were made for this generation.
  [[nodiscard]] Readiness readiness() const;

  /// The configuration of the listener at that address (as transport::Endpoint writes it); where there is none, as
  /// after a reload that has taken it away, the defaults of any.
  [[nodiscard]] const config::Listener& listener(std::string_view address) const noexcept;
  /// What clients at that address are spoken to with; null: in clear.
  [[nodiscard]] const TlsContext& tls(std::string_view address) const noexcept;
  /// Whom a route of `config` asks.
  [[nodiscard]] const inspection::Chain& chain(const config::Route& route) const noexcept {
    return chains_[static_cast<std::size_t>(&route - config.routes.data())];
  }

  transport::Worker& worker;
  ShardState& shard;
  const std::shared_ptr<const Generation> generation;
  const config::Config& config;
  const Router router;
  Agents agents;
  std::vector<inspection::AgentCounters*> agent_counters;  ///< In the order of config.agents.
  logs::AccessLog access;
  logs::AuditLog audit;
  std::vector<std::shared_ptr<upstream::Pool>> upstreams;  ///< In the order of config.upstreams.
  http::HeadLimits head_limits;
  ClientTimeouts timeouts;

 private:
  std::vector<inspection::Chain> chains_;        // in the order of config.routes
  std::vector<std::string> listener_addresses_;  // in the order of config.listeners
  std::vector<bool> had_addresses_;              // of config.upstreams: the one in whose place it is made had some

  /// Its index; nothing where there is none.
  [[nodiscard]] std::optional<std::size_t> index_of(std::string_view address) const noexcept;

  Service(transport::Worker& worker, ShardState& shard, std::shared_ptr<const Generation> generation, Agents agents,
          const Service* previous);
  /// `previous`'s where it has just so one, else a new one.
  [[nodiscard]] std::shared_ptr<upstream::Pool> pool_for(upstream::Spec spec, const Service* previous);
};

}  // namespace picket::apps::gateway::generation
