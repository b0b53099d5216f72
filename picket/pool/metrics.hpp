#pragma once

#include <array>

#include "picket/base/error.hpp"
#include "picket/metrics/counter.hpp"
#include "picket/metrics/histogram.hpp"

namespace picket::pool {

/// What one worker counts of one agent, from the moment at which it was added: an agent that is removed and added again
/// begins at 0, as a process does that is started again.
///
/// Thread safety: the worker writes, any thread reads; scrapes sum the workers, and may see a call that is counted and
/// its answer that is not yet. Lifetime: the agent's. Complexity: a load and a store each, without a lock. Units:
/// counts, and nanoseconds for latencies. Each call ends in one of `answered`, `failures` and `skipped`; until then it
/// is `waiting`, or `in_flight`. `in_flight` and `waiting` are as they are at the moment, and may be read while they
/// change.
struct AgentMetrics {
  metrics::Counter calls;  ///< Events that were to be sent.
  metrics::Counter answered;
  std::array<metrics::Counter, base::error_kind_count> failures;  ///< By base::ErrorKind.
  metrics::Counter skipped;  ///< Events of kinds that the agent does not take: not sent, decided by nobody.
  metrics::Counter connections_opened;
  metrics::Counter connections_lost;
  metrics::Counter connect_failures;
  metrics::Counter look_up_failures;   ///< Of its name, or of half of it.
  metrics::Counter responses_dropped;  ///< Late, duplicate, unknown or forged answers.
  metrics::Counter breaker_refusals;   ///< Calls that an open breaker ended; among the failures as circuit_open, too.
  metrics::Counter hedges;             ///< Events that were sent twice.
  metrics::Counter hedges_answered;    ///< Of them those whose second copy was answered first.
  metrics::Gauge connections_ready;
  metrics::Gauge addresses;  ///< Where it is served; of one that dials 1.
  metrics::Gauge in_flight;
  metrics::Gauge waiting;        ///< Calls in the queue.
  metrics::Gauge breaker_state;  ///< 0 closed, 1 open, 2 half open.
  metrics::Histogram latency;    ///< From the call to its answer, queueing included.
  /// Of writing an event in its encoding; of one event in `events_per_timing`, since two looks at the clock take as
  /// long as the writing.
  metrics::Histogram serialization;
  static constexpr std::uint64_t events_per_timing = 1024;

  /// One more failure of that kind. Thread safety: the worker's thread.
  void failed(base::ErrorKind kind) noexcept { failures[static_cast<std::size_t>(kind)].add(); }
};

}  // namespace picket::pool
