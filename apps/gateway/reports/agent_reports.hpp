#pragma once

#include <functional>
#include <string_view>

#include "apps/gateway/reports/agent_metrics.hpp"
#include "apps/gateway/reports/reload_requests.hpp"
#include "picket/base/time.hpp"

namespace picket::apps::gateway::reports {

/// What agents tell the process, on whichever shard. Thread safety: any thread. Lifetime: outlives the shards.
struct AgentReports {
  AgentMetrics metrics;
  ReloadRequests reloads;
  /// An agent has to be restarted, and said so on one of its connections: whoever has others is to know.
  std::function<void(std::string_view agent, base::Duration grace)> restart;
};

}  // namespace picket::apps::gateway::reports
