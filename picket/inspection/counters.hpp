#pragma once

#include "picket/metrics/counter.hpp"

namespace picket::inspection {

/// What one worker counts of one agent's answers, beside what the pool counts (pool::AgentMetrics).
///
/// Thread safety: the worker writes, any thread reads; scrapes sum the workers. Lifetime: outlives the chains that name
/// it.
struct AgentCounters {
  metrics::Counter allowed;
  metrics::Counter blocked;
  metrics::Counter redirected;
  metrics::Counter challenged;
  metrics::Counter failed_closed;       ///< Failures that stopped a request.
  metrics::Counter failed_open;         ///< Failures that let one go on uninspected.
  metrics::Counter invalid_responses;   ///< Responses that could not be applied.
  metrics::Counter cut;                 ///< Messages that it stopped when bytes of them had left.
  metrics::Counter bodies_uninspected;  ///< Bodies over the limit of a fail-open agent.
};

}  // namespace picket::inspection
