#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "picket/wire/messages.hpp"

namespace picket::agent {

/// How an agent is, as its proxies are told (protocol.md §6): what they do about it is up to them.
///
///   agent().report(Health::degraded({"request_body_chunk"}, 2));  // no bodies for now, and twice the time
///   agent().report(Health::healthy());
///
/// What is about one state is sent with that state only: an eta of a healthy agent reaches nobody.
///
/// Thread safety: a value. Lifetime: it owns its text. Errors: none here. Proxies bound what they keep of it and how
/// far a multiplier stretches their time-outs, so that an agent cannot make them wait for ever.
struct Health {
  wire::HealthState state = wire::HealthState::healthy;
  /// Degraded: what it does without. Names of events ("request_body_chunk") or of capabilities ("streaming_body",
  /// "websocket", "guardrails"): those events are not sent meanwhile. Other names say nothing to a proxy.
  std::vector<std::string> features_off{};
  /// Degraded: how much longer it takes than usual. Units: a factor; 1 to 10 count, others as the nearest of these.
  float timeout_multiplier = 1;
  std::chrono::milliseconds eta{0};  ///< Draining: until it is gone.
  std::string reason{};              ///< Words for people, in any state; empty: none.
  bool recoverable = true;           ///< Unhealthy: it may come back by itself.
  /// After so long without another word it counts as healthy again, so that an agent that hangs does not stay degraded
  /// on its proxies' side; 0: it holds until then.
  std::chrono::milliseconds valid_for{0};

  /// It serves all that its handler takes: takes back whatever was said before.
  [[nodiscard]] static Health healthy() { return {}; }
  /// It serves, and not all, or not as fast. Proxies that choose by health give it what others cannot take.
  [[nodiscard]] static Health degraded(std::vector<std::string> features_off, float timeout_multiplier = 1) {
    Health health;
    health.state = wire::HealthState::degraded;
    health.features_off = std::move(features_off);
    health.timeout_multiplier = timeout_multiplier;
    return health;
  }
  /// It takes nothing new, and ends in a while: exchanges under way go on, and no new one begins. Server::stop() says
  /// the same by itself.
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

  /// Whether new exchanges are wanted: not of an agent that drains or is unhealthy.
  [[nodiscard]] bool serves() const noexcept {
    return state == wire::HealthState::healthy || state == wire::HealthState::degraded;
  }
};

}  // namespace picket::agent
