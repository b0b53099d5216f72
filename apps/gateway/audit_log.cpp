#include "apps/gateway/audit_log.hpp"

#include <chrono>
#include <string>

#include <spdlog/spdlog.h>

#include "apps/gateway/logs/event_name.hpp"
#include "apps/gateway/logs/json_line.hpp"

namespace picket::apps::gateway {
namespace {

std::uint64_t microseconds_since(base::TimePoint then) {
  const auto passed = std::chrono::duration_cast<std::chrono::microseconds>(base::Clock::now() - then);
  return static_cast<std::uint64_t>(passed.count());
}

}  // namespace

void AuditLog::on_outcome(const inspection::AuditSubject& subject, const inspection::AuditOutcome& outcome) {
  if (lines_ == nullptr) return;
  thread_local logs::JsonLine line;
  thread_local std::string time;
  line.begin();
  line.text("ts", logs::rfc3339_now(time));
  line.text("id", subject.exchange);
  line.text("agent", subject.agent);
  line.text("phase", logs::event_name(subject.event));
  line.text("decision", outcome.decision);
  outcome.status ? line.number("status", *outcome.status) : line.null("status");
  line.texts("rule_ids", outcome.response != nullptr ? outcome.response->audit.rule_ids : wire::TextList{});
  line.texts("tags", outcome.response != nullptr ? outcome.response->audit.tags : wire::TextList{});
  line.number("duration_us", microseconds_since(subject.asked_at));
  lines_->push(line.end());
}

/// What stands in brackets does not make another kind of line (picket/log): agents choose those words.
void AuditLog::on_invalid_answer(const inspection::AuditSubject& subject, const base::Error& why) {
  spdlog::warn("agent '{}': its answer to {} cannot be honoured ({}; request {})", subject.agent,
               logs::event_name(subject.event), why.detail(), subject.exchange);
}

}  // namespace picket::apps::gateway
