#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "picket/wire/messages.hpp"

namespace picket::agent {

/// How an agent is, as its proxies are told (protocol.md §6): what they do about it is up to them. A value.
struct Health {
  wire::HealthState state = wire::HealthState::healthy;
  std::vector<std::string> features_off{};  ///< Degraded: kinds of event that it does without, by their names.
  float timeout_multiplier = 1;             ///< Degraded: how much longer it takes than usual.
  std::chrono::milliseconds eta{0};         ///< Draining: until it is gone.
  std::string reason{};
  bool recoverable = true;  ///< Unhealthy: it may come back by itself.
  /// After so long without another word it counts as healthy again; 0: it holds until then.
  std::chrono::milliseconds valid_for{0};

  [[nodiscard]] static Health healthy() { return {}; }
  /// It serves, and not all, or not as fast.
  [[nodiscard]] static Health degraded(std::vector<std::string> features_off, float timeout_multiplier = 1) {
    Health health;
    health.state = wire::HealthState::degraded;
    health.features_off = std::move(features_off);
    health.timeout_multiplier = timeout_multiplier;
    return health;
  }
  /// It takes nothing new, and ends in a while.
  [[nodiscard]] static Health draining(std::chrono::milliseconds eta) {
    Health health;
    health.state = wire::HealthState::draining;
    health.eta = eta;
    return health;
  }
  /// It cannot judge: proxies ask it nothing new, and their failure mode decides.
  [[nodiscard]] static Health unhealthy(std::string reason, bool recoverable = true) {
    Health health;
    health.state = wire::HealthState::unhealthy;
    health.reason = std::move(reason);
    health.recoverable = recoverable;
    return health;
  }

  /// Whether new exchanges are wanted.
  [[nodiscard]] bool serves() const noexcept {
    return state == wire::HealthState::healthy || state == wire::HealthState::degraded;
  }
};

}  // namespace picket::agent
