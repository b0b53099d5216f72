#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "picket/base/result.hpp"
#include "picket/base/time.hpp"
#include "picket/wire/messages.hpp"

namespace picket::inspection {

/// What was asked, and of whom. Thread safety: a value. Lifetime: its texts live as long as the call it is told with.
struct AuditSubject {
  std::string_view exchange;  ///< Its correlation id.
  std::string_view agent;     ///< Its id.
  wire::EventKind event = wire::EventKind::request_headers;
  base::TimePoint asked_at;
};

/// What came of it. Thread safety: a value. Lifetime: as AuditSubject.
struct AuditOutcome {
  /// allow, block, redirect or challenge; block, redact or log for what was found in a text; failed_closed or
  /// failed_open; refused, for a body that cannot go on whatever the agent's failure mode; cut, where one of them that
  /// stops an exchange came when bytes had left; uninspected for what went past the agent.
  std::string_view decision;
  std::optional<std::uint16_t> status = {};       ///< The client's, where the exchange ends with it.
  const wire::AgentResponse* response = nullptr;  ///< Null where the agent gave none that counts.
  std::string_view cause = {};                    ///< Why, in words, where that is known and no agent's word.
};

/// Told of everything that an inspection comes to, but for a bare allow: of that there is nothing to keep, and the hot
/// path would pay for it. Agents' own words stand in what it is told: whoever writes them down escapes them.
///
/// Thread safety: called on the worker's thread, on the path of a request: it must not block. Lifetime: outlives the
/// inspections that it is given to; what it is told of lives as long as the call.
class AuditSink {
 public:
  virtual void on_outcome(const AuditSubject& subject, const AuditOutcome& outcome) = 0;
  /// An answer that cannot be honoured, and why. That is a failure of the agent: its outcome follows. The agent chose
  /// some of these words.
  virtual void on_invalid_answer(const AuditSubject& /*subject*/, const base::Error& /*why*/) {}

 protected:
  ~AuditSink() = default;
};

}  // namespace picket::inspection
