#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "apps/gateway/config/model.hpp"
#include "apps/gateway/generation/listener_tls.hpp"
#include "apps/gateway/generation/log_closer.hpp"
#include "apps/gateway/generation/upstream_tls.hpp"
#include "apps/gateway/logs/log_writer.hpp"

namespace picket::apps::gateway::generation {

/// The access and audit logs and the threads that write them.
struct Logs {
  std::unique_ptr<logs::LogFile> access;  ///< Null: not configured.
  std::unique_ptr<logs::LogFile> audit;
  std::deque<logs::LogWriter> writers;  ///< One of each file. After the files, so that they end before them.

  /// They end in `closer`, whoever lets go of them. `log`: the process's, which outlives them. Errors: io, naming the
  /// file that cannot be written.
  [[nodiscard]] static base::Result<std::shared_ptr<Logs>> open(const config::Observability& wanted, std::size_t shards,
                                                                LogCloser& closer, spdlog::logger& log);
};

/// A configuration and what all shards need of it, made once per load. Exchanges that are under way when a new one is
/// taken into use keep theirs. Thread safety: immutable.
struct Generation {
  config::Config config;
  std::size_t shards = 1;
  std::vector<TlsContext> tls;                ///< In the order of config.listeners; null: in clear.
  std::vector<UpstreamContext> upstream_tls;  ///< In the order of config.upstreams.
  std::shared_ptr<Logs> logs;

  /// Reads certificates and opens logs; those of `previous` go on where the files are the same, logs and what upstreams
  /// are spoken to with.
  /// `tickets`: the process's keys; null: there are none. Errors: connection_failed for a certificate that cannot be
  /// used, io for a log.
  [[nodiscard]] static base::Result<std::shared_ptr<const Generation>> make(
      config::Config config, std::size_t shards, const Generation* previous, LogCloser& closer, spdlog::logger& log,
      const std::shared_ptr<const transport::tls::TicketKeys>& tickets = nullptr);
};

}  // namespace picket::apps::gateway::generation
