#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "picket/metrics/counter.hpp"

namespace picket::inspection {

/// What one worker counts of one agent's answers, beside what the pool counts (pool::AgentMetrics).
///
/// Thread safety: the worker writes, any thread reads; scrapes sum the workers. Lifetime: outlives the chains that name
/// it. What is cut, or cannot be applied, counts as a decision or a failure, too. Units: answers, failures and bodies,
/// not exchanges.
struct AgentCounters {
  metrics::Counter allowed;
  metrics::Counter blocked;
  metrics::Counter redirected;
  metrics::Counter challenged;
  metrics::Counter dropped;             ///< WebSocket frames that it dropped.
  metrics::Counter closed;              ///< WebSocket connections that it closed.
  metrics::Counter failed_closed;       ///< Failures that stopped a request.
  metrics::Counter failed_open;         ///< Failures that let one go on uninspected.
  metrics::Counter invalid_responses;   ///< Responses that could not be applied.
  metrics::Counter cut;                 ///< Messages that it stopped when bytes of them had left.
  metrics::Counter bodies_uninspected;  ///< Bodies that went past a fail-open agent.
  metrics::Counter findings_blocked;    ///< Texts in which it found something, by what became of them.
  metrics::Counter findings_redacted;
  metrics::Counter findings_logged;
};

/// A counter by the word that logs and metrics have for what it counts. Lifetime: the words are constants.
using NamedCounter = std::pair<std::string_view, metrics::Counter AgentCounters::*>;
/// Of decisions, in the order of wire::Decision; behind them those about frames that do not pass.
inline constexpr std::array<NamedCounter, 6> decision_counters{{{"allow", &AgentCounters::allowed},
                                                                {"block", &AgentCounters::blocked},
                                                                {"redirect", &AgentCounters::redirected},
                                                                {"challenge", &AgentCounters::challenged},
                                                                {"drop", &AgentCounters::dropped},
                                                                {"close", &AgentCounters::closed}}};
inline constexpr std::size_t drop_counter = 4;
inline constexpr std::size_t close_counter = 5;
/// Of what it found in texts, by what the route made of it.
inline constexpr std::array<NamedCounter, 3> finding_counters{{{"block", &AgentCounters::findings_blocked},
                                                               {"redact", &AgentCounters::findings_redacted},
                                                               {"log", &AgentCounters::findings_logged}}};
/// Of failures, by the mode that decided.
inline constexpr std::array<NamedCounter, 2> failure_counters{
    {{"closed", &AgentCounters::failed_closed}, {"open", &AgentCounters::failed_open}}};

}  // namespace picket::inspection
