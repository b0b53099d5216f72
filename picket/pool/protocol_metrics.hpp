#pragma once

#include <span>
#include <string_view>

#include "picket/metrics/exposition.hpp"
#include "picket/pool/metrics.hpp"

namespace picket::pool {

/// What was counted of agents, all of them together, under the names that the protocol's pages publish: a dashboard
/// that was made for another implementation reads this one. serialization_seconds is of a sample of the events
/// (AgentMetrics::events_per_timing). `prefix` stands before each name, with a "_" between.
///
/// Thread safety: the counters may be those of any worker's agents, counted meanwhile. Units: seconds.
void write_protocol_metrics(metrics::Exposition& page, std::string_view prefix,
                            std::span<const AgentMetrics* const> agents);

}  // namespace picket::pool
