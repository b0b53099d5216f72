#pragma once

#include <array>
#include <deque>

#include "apps/gateway/inspection/answer.hpp"
#include "picket/metrics/counter.hpp"
#include "picket/metrics/histogram.hpp"

namespace picket::apps::gateway {

/// What one worker counts of one agent's answers, beside what the pool counts (pool::AgentMetrics).
struct AgentCounters {
  metrics::Counter allowed;
  metrics::Counter blocked;
  metrics::Counter redirected;
  metrics::Counter challenged;
  metrics::Counter failed_closed;       ///< Failures that stopped a request.
  metrics::Counter failed_open;         ///< Failures that let one go on uninspected.
  metrics::Counter invalid_responses;   ///< Responses that could not be applied.
  metrics::Counter bodies_uninspected;  ///< Bodies over the limit of a fail-open agent.
};

/// What one worker counts. Thread safety: the worker writes, any thread reads; scrapes sum the workers.
struct WorkerMetrics {
  explicit WorkerMetrics(std::size_t agent_count) : agents(agent_count) {}

  metrics::Counter connections;
  metrics::Gauge connections_open;
  metrics::Counter connections_refused;  ///< Over max-connections.
  std::array<metrics::Counter, 6>
      requests_by_class;  ///< By the first digit of the status; 0: the client went away before one.
  std::array<metrics::Counter, 8> answers_by_reason;  ///< Answers of the gateway itself, by inspection::Reason.
  metrics::Counter upstream_retries;
  metrics::Counter request_bytes;
  metrics::Counter response_bytes;
  metrics::Histogram request_duration;
  std::deque<AgentCounters> agents;  ///< In the order of the configuration.
};

}  // namespace picket::apps::gateway
