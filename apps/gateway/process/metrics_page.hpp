#pragma once

#include <memory>
#include <span>
#include <string>

#include "apps/gateway/generation/generation.hpp"
#include "apps/gateway/process/process_log.hpp"
#include "apps/gateway/process/reloads.hpp"
#include "apps/gateway/reports/agent_reports.hpp"
#include "apps/gateway/serving/shard.hpp"
#include "picket/pool/reverse/registry.hpp"

namespace picket::apps::gateway::process {

/// What is counted of agents beside the shards: of those that dial, and what agents report.
struct OfAgents {
  const pool::reverse::RegistryMetrics& reverse;
  reports::AgentReports& reports;
};

/// What is counted of the process itself.
struct OfProcess {
  const ProcessLog& log;
  const Reloads& reloads;
};

/// Everything the gateway counts, summed over its shards, and what agents count, as Prometheus text. Thread safety: any
/// thread, while no configuration is being taken into use.
[[nodiscard]] std::string metrics_page(std::span<const std::unique_ptr<serving::Shard>> shards,
                                       const generation::Generation& generation, const OfAgents& of_agents,
                                       const OfProcess& of_process);

}  // namespace picket::apps::gateway::process
