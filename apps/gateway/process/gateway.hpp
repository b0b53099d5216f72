#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "apps/gateway/downstream/admission.hpp"
#include "apps/gateway/generation/generation.hpp"
#include "apps/gateway/generation/log_closer.hpp"
#include "apps/gateway/process/descriptors.hpp"
#include "apps/gateway/process/listening_sockets.hpp"
#include "apps/gateway/process/metrics_server.hpp"
#include "apps/gateway/process/old_process.hpp"
#include "apps/gateway/process/process_log.hpp"
#include "apps/gateway/process/reloads.hpp"
#include "apps/gateway/process/reverse_agents.hpp"
#include "apps/gateway/reports/agent_reports.hpp"
#include "apps/gateway/serving/shard.hpp"

namespace picket::apps::gateway::process {

/// The gateway: its shards, its metrics, the configuration that they serve.
/// Thread safety: one controlling thread; the metrics server's thread reads beside it.
class Gateway {
 public:
  /// The workers are what `system` says, for as long as the process lives. `log` outlives it.
  Gateway(const config::System& system, ProcessLog& log);
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;
  ~Gateway();

  /// Before the first apply(): what another process hands over, or systemd.
  void inherit(Inheritance inheritance);
  /// Takes a configuration into use, the first or a later one: connects to its agents, listens, then serves new
  /// requests by it; requests under way keep theirs. It waits a moment for agents, and long for one in whose place
  /// another serves, unless `is_to_end` says that the process is. Errors: whatever of it cannot be had, an agent that
  /// refuses its configuration among it; what was served before is served on.
  [[nodiscard]] base::Status apply(config::Config config, const std::function<bool()>& is_to_end);
  /// What agents tell the process.
  [[nodiscard]] reports::AgentReports& agent_reports() noexcept { return reports_; }
  /// Says on the page of metrics what became of a reload.
  void count_reload(bool is_applied) noexcept { reloads_.count(is_applied); }
  /// Session tickets are sealed with a new key from now on, and those of the key before the last are good no more.
  void rotate_tickets() { tickets_->rotate(); }
  /// Opens the logs anew: for log rotation.
  void reopen_logs();

  /// Accepts nothing more and closes what is idle.
  void drain();
  /// Accepts nothing more where another process has what it is handed: the sockets stay open, and agents that dial are
  /// let go, so that they dial that process. Idle clients stay for their next request, or until close_idle().
  void leave();
  void close_idle();
  /// The process whose sockets this one was given leaves them to it.
  void take_over() { sockets_.own_files(inherited_files_); }
  [[nodiscard]] std::vector<const transport::ListeningSocket*> sockets() const { return sockets_.all(); }
  [[nodiscard]] transport::tls::TicketKeys::Handed tickets() const { return tickets_->hand(); }
  /// Another process of this gateway has so many clients: max-connections is for both.
  void share_places_with(std::size_t elsewhere);
  /// Client connections open now.
  [[nodiscard]] std::size_t connections() const;
  /// How often a client has given its memory back: at rest, or by its end.
  [[nodiscard]] std::uint64_t memory_given_back() const;

 private:
  /// apply(), which discards what a failure leaves half done.
  [[nodiscard]] base::Status try_to_apply(config::Config config, const std::function<bool()>& is_to_end);
  [[nodiscard]] base::Status prepare(const std::shared_ptr<const generation::Generation>& generation,
                                     const std::function<bool()>& is_to_end);
  void stop_accepting();
  [[nodiscard]] generation::Readiness readiness() const;
  void discard();
  [[nodiscard]] base::Result<std::unique_ptr<MetricsServer>> open_metrics(const config::Observability::Metrics& wanted,
                                                                          bool moves);

  [[nodiscard]] base::Result<DescriptorShares> cap_connections(config::Config& config) const;

  ProcessLog& log_;
  const std::uint64_t descriptors_;  // how many the process may have open
  generation::LogCloser log_closer_;
  const std::shared_ptr<transport::tls::TicketKeys> tickets_ = std::make_shared<transport::tls::TicketKeys>();
  downstream::Admission admission_;
  std::mutex ending_;       // held while a word of one shard's agent goes to all shards
  bool is_ending_ = false;  // there may be none any more
  reports::AgentReports reports_{.metrics = reports::AgentMetrics{log_.lines()}, .reloads = {}, .restart = {}};
  Reloads reloads_;
  ListeningSockets sockets_;
  std::vector<std::string> inherited_files_;
  std::unique_ptr<ReverseAgents> reverse_;  // outlives what it hands to the shards
  std::vector<std::unique_ptr<serving::Shard>> shards_;
  std::shared_ptr<const generation::Generation> generation_;
  std::mutex in_use_;  // held while what serves is exchanged, and while metrics are read
  std::unique_ptr<MetricsServer> metrics_;
};

}  // namespace picket::apps::gateway::process
