#pragma once

#include <string>

#include "picket/wire/messages.hpp"

namespace picket::agent {

/// What an agent says of itself when a proxy connects. Which events it wants is not said here: those that its handler
/// overrides.
///
///   Info info() const override { return {.id = "denylist", .name = "Denylist", .version = "1.2"}; }
///
/// Thread safety: a value. Lifetime: it owns its text.
struct Info {
  std::string id;         ///< One word, the same for all processes of this agent.
  std::string name = id;  ///< For people.
  std::string version{};  ///< The agent's own, for people; not the protocol's.
  /// What the agent can bear; the proxy sends no more. Units: bytes, exchanges at once: as many as a connection holds.
  wire::Limits limits{.max_concurrency = 10'000};
};

}  // namespace picket::agent
