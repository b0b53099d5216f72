#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "picket/agent/metrics.hpp"
#include "picket/base/arena.hpp"
#include "picket/base/time.hpp"
#include "picket/wire/messages.hpp"

namespace picket::agent::internal {

/// What an agent counts, as its proxies are told in each interval: the same report on every connection, so that whoever
/// hears it on several knows that it is one.
///
/// Thread safety: add() before it is used, latest() from any thread. Lifetime: the handlers' metrics outlive it.
class MetricsReports {
 public:
  /// A report and what it refers to.
  struct Report {
    base::Arena memory;
    wire::MetricsReport message;
  };

  explicit MetricsReports(base::Duration interval) : interval_(interval) {}

  /// What a handler of the agent with that id counts.
  void add(const std::string& agent_id, const Metrics& of_handler) {
    agent_id_ = agent_id;
    handlers_.push_back(&of_handler);
  }

  [[nodiscard]] base::Duration interval() const noexcept { return interval_; }
  /// The report of this interval: a new one where the last is older than half of one. Null where nothing is counted, or
  /// nothing is to be reported.
  [[nodiscard]] std::shared_ptr<const Report> latest(base::TimePoint now);
  /// A new one: the last words.
  [[nodiscard]] std::shared_ptr<const Report> last(base::TimePoint now);

 private:
  [[nodiscard]] std::shared_ptr<const Report> make(base::TimePoint now);

  std::string agent_id_;
  const base::Duration interval_;  // 0: never
  std::vector<const Metrics*> handlers_;
  std::mutex mutex_;
  std::shared_ptr<const Report> report_;
  base::TimePoint made_{};
};

}  // namespace picket::agent::internal
