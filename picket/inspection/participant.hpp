#pragma once

#include <chrono>

#include "picket/inspection/chain.hpp"
#include "picket/pool/exchange.hpp"

namespace picket::inspection {

/// For so long at most an agent that pauses an exchange again and again holds it up; then it is asked all the same, and
/// its time-out decides.
inline constexpr base::Duration most_paused = std::chrono::seconds{120};

/// One agent of a chain, as one exchange asks it: its filter says on what terms, its exchange keeps the connection.
///
/// Thread safety: the worker's thread. Lifetime: the chain outlives it. An agent that has failed open is not told of
/// what follows but of the end: its exchange is completed as the others are. Of frames it is (FrameInspection).
struct Participant {
  const Filter& filter;
  pool::Exchange exchange;
  bool failed_open = false;   ///< Not asked again.
  bool holds_answer = false;  ///< Wants some of the answer's body before its head goes on (needs_more).
};

}  // namespace picket::inspection
