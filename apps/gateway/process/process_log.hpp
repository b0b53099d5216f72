#pragma once

#include <string_view>

#include "apps/gateway/config/model.hpp"
#include "picket/log/background_log.hpp"

namespace picket::apps::gateway::process {

/// The process's own log on standard error: takes what spdlog's default logger is told, and waits for no reader.
/// Thread safety: one controlling thread; any thread logs. Lifetime: what is logged after its end goes nowhere.
class ProcessLog {
 public:
  explicit ProcessLog(const config::Observability& observability);
  ProcessLog(const ProcessLog&) = delete;
  ProcessLog& operator=(const ProcessLog&) = delete;
  ~ProcessLog();

  /// Goes on in the form and from the level that a configuration says.
  void use(const config::Observability& observability);
  /// Text as it is, whatever the form: what is wrong with a configuration file.
  void print(std::string_view text);
  [[nodiscard]] std::uint64_t lost() const noexcept { return log_.lost(); }

 private:
  log::BackgroundLog log_;
};

}  // namespace picket::apps::gateway::process
