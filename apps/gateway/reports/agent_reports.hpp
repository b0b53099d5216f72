#pragma once

#include "apps/gateway/reports/agent_metrics.hpp"
#include "apps/gateway/reports/reload_requests.hpp"

namespace picket::apps::gateway::reports {

/// What agents tell the process, on whichever shard. Thread safety: any thread. Lifetime: outlives the shards.
struct AgentReports {
  AgentMetrics metrics;
  ReloadRequests reloads;
};

}  // namespace picket::apps::gateway::reports
