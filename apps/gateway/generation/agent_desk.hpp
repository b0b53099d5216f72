#pragma once

#include "apps/gateway/logs/agent_log.hpp"
#include "apps/gateway/reports/agent_reports.hpp"

namespace picket::apps::gateway::generation {

/// Hears what one shard's agent says: its fortunes go to the log, what it tells the process to the reports.
/// Thread safety: the shard's thread.
class AgentDesk final : public logs::AgentLog {
 public:
  /// `reports`: null where nobody wants them.
  AgentDesk(std::size_t shard, spdlog::logger& log, reports::AgentReports* reports)
      : AgentLog(shard, log), reports_(reports) {}

  void on_metrics(std::string_view agent, const wire::MetricsReport& report) override {
    if (reports_ != nullptr) reports_->metrics.take(agent, report, base::Clock::now());
  }

  base::Status on_config_update(std::string_view agent, const wire::ConfigUpdateRequest& request) override {
    base::Status outcome = AgentLog::on_config_update(agent, request);
    if (outcome && reports_ != nullptr && std::holds_alternative<wire::RequestReload>(request.update))
      return reports_->reloads.ask(base::Clock::now());
    if (const auto* const restart = std::get_if<wire::RestartRequired>(&request.update)) ask_restart(agent, *restart);
    return outcome;
  }

 private:
  /// The agent's connections are on every shard. However often it says so: once in a second is enough.
  void ask_restart(std::string_view agent, const wire::RestartRequired& restart) {
    const base::TimePoint now = base::Clock::now();
    if (reports_ == nullptr || !reports_->restart || now < restarts_again_) return;
    restarts_again_ = now + std::chrono::seconds{1};
    reports_->restart(agent, std::chrono::milliseconds{restart.grace_period_ms});
  }

  base::TimePoint restarts_again_{};
  reports::AgentReports* reports_;
};

}  // namespace picket::apps::gateway::generation
