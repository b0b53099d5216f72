#pragma once

#include <string_view>

#include <spdlog/logger.h>

#include "apps/gateway/config/model.hpp"
#include "picket/log/background_log.hpp"

namespace picket::apps::gateway::process {

/// The process's own log on standard error, which waits for no reader. Nobody else knows of one: it is handed to who
/// has something to say (docs/adr/0042). Thread safety: one controlling thread; any thread logs. Lifetime: outlives
/// whom it is handed to.
class ProcessLog {
 public:
  explicit ProcessLog(const config::Observability& observability);
  ProcessLog(const ProcessLog&) = delete;
  ProcessLog& operator=(const ProcessLog&) = delete;

  /// What lines are written to. Thread safety: any thread.
  [[nodiscard]] spdlog::logger& lines() noexcept { return lines_; }
  /// Goes on in the form and from the level that a configuration says.
  void use(const config::Observability& observability);
  /// Text as it is, whatever the form: what is wrong with a configuration file.
  void print(std::string_view text);
  [[nodiscard]] std::uint64_t lost() const noexcept { return log_.lost(); }

 private:
  log::BackgroundLog log_;
  spdlog::logger lines_;
};

}  // namespace picket::apps::gateway::process
