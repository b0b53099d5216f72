#include "apps/gateway/logs/audit_log.hpp"

#include <chrono>

#include <spdlog/logger.h>

#include "apps/gateway/logs/event_name.hpp"

namespace picket::apps::gateway::logs {
namespace {

std::uint64_t microseconds_since(base::TimePoint then) {
  const auto passed = std::chrono::duration_cast<std::chrono::microseconds>(base::Clock::now() - then);
  return static_cast<std::uint64_t>(passed.count());
}

}  // namespace

void AuditLog::on_outcome(const inspection::AuditSubject& subject, const inspection::AuditOutcome& outcome) {
  if (lines_ == nullptr) return;
  line_.begin();
  line_.text("ts", timestamps_.now());
  line_.text("id", subject.exchange);
  line_.text("agent", subject.agent);
  line_.text("phase", event_name(subject.event));
  line_.text("decision", outcome.decision);
  outcome.status ? line_.number("status", *outcome.status) : line_.null("status");
  if (!outcome.cause.empty()) line_.text("cause", outcome.cause);
  TextRoom room;
  line_.texts("rule_ids", outcome.response != nullptr ? outcome.response->audit.rule_ids : wire::TextList{}, room);
  line_.texts("tags", outcome.response != nullptr ? outcome.response->audit.tags : wire::TextList{}, room);
  if (outcome.response != nullptr && !outcome.response->audit.reason_codes.empty())
    line_.texts("reason_codes", outcome.response->audit.reason_codes, room);
  line_.number("duration_us", microseconds_since(subject.asked_at));
  if (room.left_out != 0) line_.number("truncated", room.left_out);
  lines_->push(line_.end());
}

/// What stands behind the bracket makes no other kind of line (picket/log): agents choose those words.
void AuditLog::on_invalid_answer(const inspection::AuditSubject& subject, const base::Error& why) {
  log_.warn("agent '{}': its answer to {} cannot be honoured ({}; request {})", subject.agent,
            event_name(subject.event), why.detail(), subject.exchange);
}

}  // namespace picket::apps::gateway::logs
