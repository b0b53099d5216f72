#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <utility>

#include "picket/agent/internal/metrics_reports.hpp"
#include "picket/agent/internal/resources.hpp"
#include "picket/agent/internal/standing.hpp"
#include "picket/metrics/counter.hpp"
#include "picket/metrics/histogram.hpp"

namespace picket::agent::internal {

/// What one worker has to do. Thread safety: the worker writes, any thread reads.
struct Workload {
  metrics::Gauge connections;
  metrics::Gauge in_flight;   ///< Events that are not answered.
  metrics::Gauge queued;      ///< Of those, what waits for a thread.
  metrics::Counter answered;  ///< Events.
  metrics::Counter rejected;  ///< Events that got no verdict of the handler: of exchanges that had to be forgotten, and
                              ///< those whose answer could not be honoured.
  metrics::Counter timed_out;  ///< Events that a proxy waited for in vain.
  metrics::Histogram latency;  ///< From an event's arrival to its answer; where reports of it are wanted.
};

/// What latencies a reader of several workers has seen already: the next report is about those since.
struct LatencyWindow {
  metrics::Histogram::Counts seen{};
  metrics::Histogram::Sum sum{};
};

/// What a HealthStatus says, as an agent reports it. Pure but for the time, which what it is valid until is compared
/// with.
[[nodiscard]] Health health_of(const wire::HealthStatus& status);

/// What an agent says of itself: one for all its workers. Thread safety: any thread, once every worker is added.
class SelfReport {
 public:
  explicit SelfReport(base::Duration metrics_interval) : metrics(metrics_interval) {}

  /// A worker of the agent with that id, and what its handler counts. Lifetime: as long as this.
  [[nodiscard]] Workload& add_worker(const std::string& agent_id, const Metrics& counted) {
    agent_id_ = agent_id;
    metrics.add(agent_id, counted);
    return workloads_.emplace_back();
  }

  /// `health` as it is sent. Lifetime of what it refers to: `memory`.
  [[nodiscard]] wire::HealthStatus status(const Health& health, base::Arena& memory) const;
  /// The same with load and resources; latencies are those since `window` was used last.
  [[nodiscard]] wire::HealthStatus detailed_status(const Health& health, LatencyWindow& window, base::Arena& memory);

  Standing standing;
  MetricsReports metrics;

 private:
  void add_latencies(wire::Load& load, LatencyWindow& window) const;

  std::string agent_id_;
  std::deque<Workload> workloads_;
  std::mutex measuring_;
  ResourceMeter resources_;
};

}  // namespace picket::agent::internal
