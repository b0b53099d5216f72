#include "picket/session/health.hpp"

#include <algorithm>
#include <string_view>

#include "picket/session/quote.hpp"

namespace picket::session {
namespace {

base::Duration milliseconds(std::uint64_t count) {
  return std::chrono::milliseconds{static_cast<std::int64_t>(std::min(count, Health::longest_ms))};
}

std::string kept(std::string_view words) { return printable(words, Health::longest_words); }

std::string reason_of(const wire::HealthStatus& status) {
  if (status.reason) return kept(*status.reason);
  return status.message ? kept(*status.message) : std::string{};
}

base::TimePoint end_of(const wire::HealthStatus& status, base::TimePoint now) {
  if (!status.valid_until_ms || status.timestamp_ms == 0) return base::TimePoint::max();
  const std::uint64_t until = std::max(*status.valid_until_ms, status.timestamp_ms);
  return now + milliseconds(until - status.timestamp_ms);
}

/// Never below 1: an agent gives itself more time, not less. Of what is no number nothing comes.
float patience_of(float multiplier) { return multiplier > 1 ? std::min(multiplier, Health::most_patience) : 1; }

}  // namespace

Health health_of(const wire::HealthStatus& status, base::TimePoint now) {
  Health health{.state = status.state,
                .reason = reason_of(status),
                .load = status.load,
                .resources = status.resources,
                .valid_until = end_of(status, now)};
  switch (status.state) {
    case wire::HealthState::healthy: break;
    case wire::HealthState::degraded: {
      const std::size_t features = std::min(status.disabled_features.size(), Health::most_features);
      for (const auto feature : status.disabled_features.first(features))
        health.disabled_features.push_back(kept(feature));
      health.timeout_multiplier = patience_of(status.timeout_multiplier);
      break;
    }
    case wire::HealthState::draining:
      if (status.eta_ms) health.drain_eta = milliseconds(*status.eta_ms);
      break;
    case wire::HealthState::unhealthy: health.recoverable = status.recoverable; break;
  }
  return health;
}

}  // namespace picket::session
