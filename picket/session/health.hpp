#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "picket/base/time.hpp"
#include "picket/wire/messages.hpp"

namespace picket::session {

/// How an agent says that it is (protocol.md §6), kept beyond the message that said so. What an agent may make a proxy
/// keep, or stretch, is bounded here.
///
/// Thread safety: a value. Lifetime: refers to nothing.
struct Health {
  static constexpr std::size_t most_features = 32;   ///< More are not kept: a report fills no memory.
  static constexpr std::size_t longest_words = 200;  ///< Bytes of a feature's name or a reason; longer ones are cut.
  static constexpr float most_patience = 10;         ///< Of what an agent asks for, time-outs stretch so far.
  static constexpr std::uint64_t longest_ms = 604'800'000;  ///< A week: a status or a drain that is longer is as long.

  wire::HealthState state = wire::HealthState::healthy;
  std::vector<std::string> disabled_features;  ///< Degraded: what it does without.
  float timeout_multiplier = 1;                ///< Degraded: 1 to most_patience.
  std::optional<base::Duration> drain_eta;     ///< Draining: until it is gone.
  std::string reason;                          ///< Its own words, printable: the reason, else the message. Empty: none.
  bool recoverable = true;                     ///< Unhealthy: it may come back by itself.
  std::optional<wire::Load> load;
  std::optional<wire::Resources> resources;
  /// From then on nothing is known: as healthy as one is at first.
  base::TimePoint valid_until = base::TimePoint::max();
};

/// What `status` says, heard at `now`. It is valid for valid_until_ms - timestamp_ms, both by the agent's clock, so
/// that no two clocks are compared; without a timestamp_ms it is until the next. Pure. What belongs to another state
/// than the one that is said is left out. Complexity: bounded, whatever the message holds.
[[nodiscard]] Health health_of(const wire::HealthStatus& status, base::TimePoint now);

}  // namespace picket::session
