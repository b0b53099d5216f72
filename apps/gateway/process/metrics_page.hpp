#pragma once

#include <memory>
#include <span>
#include <string>

#include "apps/gateway/generation/generation.hpp"
#include "apps/gateway/process/process_log.hpp"
#include "apps/gateway/reports/agent_reports.hpp"
#include "apps/gateway/serving/shard.hpp"

namespace picket::apps::gateway::process {

/// Everything the gateway counts, summed over its shards, and what agents count, as Prometheus text. Thread safety: any
/// thread, while no configuration is being taken into use.
[[nodiscard]] std::string metrics_page(std::span<const std::unique_ptr<serving::Shard>> shards,
                                       const generation::Generation& generation, reports::AgentReports& reports,
                                       const ProcessLog& process_log);

}  // namespace picket::apps::gateway::process
