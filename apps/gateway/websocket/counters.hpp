#pragma once

#include <array>

#include "picket/metrics/counter.hpp"
#include "picket/websocket/breach.hpp"

namespace picket::apps::gateway::websocket {

/// What one worker counts of frames that agents look at. Thread safety: the worker writes, any thread reads.
struct Counters {
  std::array<metrics::Counter, 2> frames;  ///< That came whole, by websocket::Sender.
  metrics::Counter messages_dropped;       ///< For an agent's word on one of their frames.
  std::array<metrics::Counter, picket::websocket::breach_count> breaches;  ///< Connections that were closed for one.
};

}  // namespace picket::apps::gateway::websocket
