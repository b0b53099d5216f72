#pragma once

#include <spdlog/fwd.h>

#include "apps/gateway/logs/json_line.hpp"
#include "apps/gateway/logs/line_queue.hpp"
#include "apps/gateway/logs/timestamps.hpp"
#include "picket/inspection/audit_sink.hpp"

namespace picket::apps::gateway::logs {

/// Writes what inspections come to: a line of the audit log for each outcome, and in the process log why an answer
/// could not be honoured. Thread safety: its worker's thread. Lifetime: the queue and the log outlive it.
class AuditLog final : public inspection::AuditSink {
 public:
  /// `lines`: null where no audit log is configured. `log`: the process's.
  AuditLog(LineQueue* lines, spdlog::logger& log) noexcept : lines_(lines), log_(log) {}

  void on_outcome(const inspection::AuditSubject& subject, const inspection::AuditOutcome& outcome) override;
  void on_invalid_answer(const inspection::AuditSubject& subject, const base::Error& why) override;

 private:
  LineQueue* lines_;
  spdlog::logger& log_;
  JsonLine line_;  // kept from line to line, with its memory
  Timestamps timestamps_;
};

}  // namespace picket::apps::gateway::logs
