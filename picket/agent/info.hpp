#pragma once

#include <string>

#include "picket/wire/messages.hpp"

namespace picket::agent {

/// What an agent says of itself when a proxy connects. Which events it wants is not said here: those that its handler
/// overrides. A value.
struct Info {
  std::string id;         ///< One word, the same for all processes of this agent.
  std::string name = id;  ///< For people.
  std::string version{};
  /// What the agent can bear; the proxy sends no more. Units: bytes, exchanges at once: as many as a connection holds.
  wire::Limits limits{.max_concurrency = 10'000};
};

}  // namespace picket::agent
