#include "picket/agent/internal/self_report.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "picket/agent/internal/wall_clock.hpp"

namespace picket::agent::internal {
namespace {

float milliseconds_of(std::chrono::duration<float, std::milli> time) { return time.count(); }

/// Of so many latencies the one that `share` of them do not exceed.
float percentile(const metrics::Histogram::Counts& counts, std::uint64_t total, double share) {
  const auto rank = static_cast<std::uint64_t>(std::ceil(static_cast<double>(total) * share));
  std::uint64_t below = 0;
  for (std::size_t bucket = 0; bucket < counts.size(); ++bucket)
    if ((below += counts[bucket]) >= rank) return milliseconds_of(metrics::Histogram::upper_bound_of(bucket));
  return 0;
}

}  // namespace

Health health_of(const wire::HealthStatus& status) {
  Health health;
  health.state = status.state;
  health.features_off.assign(status.disabled_features.begin(), status.disabled_features.end());
  health.timeout_multiplier = status.timeout_multiplier;
  health.eta = std::chrono::milliseconds{status.eta_ms.value_or(0)};
  health.reason = status.reason.value_or(status.message.value_or(wire::Text{}));
  health.recoverable = status.recoverable;
  if (const std::uint64_t now = milliseconds_since_1970(); status.valid_until_ms && *status.valid_until_ms > now)
    health.valid_for = std::chrono::milliseconds{*status.valid_until_ms - now};
  return health;
}

wire::HealthStatus SelfReport::status(const Health& health, base::Arena& memory) const {
  wire::HealthStatus status{.agent_id = agent_id_, .state = health.state, .timestamp_ms = milliseconds_since_1970()};
  switch (health.state) {
    case wire::HealthState::healthy: break;
    case wire::HealthState::degraded: {
      const auto features = memory.allocate_array<wire::Text>(health.features_off.size());
      std::ranges::transform(health.features_off, features.begin(),
                             [&](const std::string& feature) { return memory.copy(feature); });
      status.disabled_features = features;
      status.timeout_multiplier = health.timeout_multiplier;
      break;
    }
    case wire::HealthState::draining: status.eta_ms = static_cast<std::uint64_t>(health.eta.count()); break;
    case wire::HealthState::unhealthy: status.recoverable = health.recoverable; break;
  }
  if (!health.reason.empty()) {
    const wire::Text words = memory.copy(health.reason);
    (health.state == wire::HealthState::unhealthy ? status.reason : status.message) = words;
  }
  if (health.valid_for.count() > 0)
    status.valid_until_ms = status.timestamp_ms + static_cast<std::uint64_t>(health.valid_for.count());
  return status;
}

void SelfReport::add_latencies(wire::Load& load, LatencyWindow& window) const {
  LatencyWindow now;
  for (const Workload& worker : workloads_) {
    worker.latency.add_to(now.seen);
    now.sum += worker.latency.sum();
  }
  metrics::Histogram::Counts since{};
  std::ranges::transform(now.seen, window.seen, since.begin(), std::minus{});
  const auto total = std::accumulate(since.begin(), since.end(), std::uint64_t{0});
  const auto sum = now.sum - window.sum;
  window = now;
  if (total == 0) return;
  load.avg_latency_ms = milliseconds_of(sum) / static_cast<float>(total);
  load.p50_latency_ms = percentile(since, total, 0.50);
  load.p95_latency_ms = percentile(since, total, 0.95);
  load.p99_latency_ms = percentile(since, total, 0.99);
}

wire::HealthStatus SelfReport::detailed_status(const Health& health, LatencyWindow& window, base::Arena& memory) {
  wire::HealthStatus detailed = status(health, memory);
  wire::Load load;
  std::int64_t connections = 0;
  for (const Workload& worker : workloads_) {
    load.in_flight += static_cast<std::uint32_t>(worker.in_flight.value());
    load.queue_depth += static_cast<std::uint32_t>(worker.queued.value());
    load.requests_processed += worker.answered.value();
    load.requests_rejected += worker.rejected.value();
    load.requests_timed_out += worker.timed_out.value();
    connections += worker.connections.value();
  }
  add_latencies(load, window);
  detailed.load = load;
  const std::lock_guard lock{measuring_};
  detailed.resources = resources_.measure();
  detailed.resources->connections = static_cast<std::uint32_t>(connections);
  return detailed;
}

}  // namespace picket::agent::internal
