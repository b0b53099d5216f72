#pragma once

#include <cstdint>

#include "picket/base/time.hpp"
#include "picket/transport/destination.hpp"

namespace picket::pool {

/// One address where an agent is served: what the connections to it have in common. An agent whose endpoint is a name
/// has one for each address of it, any other agent one.
///
/// Thread safety: the worker's thread. Lifetime: shared by its agent and the connections that lead there, so that those
/// may end after the name has lost the address.
struct Site {
  transport::Destination destination;
  std::uint16_t priority = 0;       ///< The least goes first (RFC 2782).
  std::uint16_t weight = 0;         ///< Among those of one priority; the same of all: they take turns.
  bool is_current = true;           ///< Else the name has it no more.
  base::TimePoint rallied_at = {};  ///< When its connections were dialled out of turn.
};

}  // namespace picket::pool
