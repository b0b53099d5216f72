#pragma once

#include <span>
#include <string_view>

#include "picket/metrics/exposition.hpp"
#include "picket/pool/metrics.hpp"

namespace picket::apps::gateway::process {

/// One agent's metrics, by shard; there is one at least.
using OfShards = std::span<const pool::AgentMetrics* const>;

/// One metric of what pools count of agents.
struct PoolFamily {
  std::string_view kind;  ///< As Prometheus calls it.
  std::string_view name;
  std::string_view help;
  void (*write)(metrics::Exposition& page, metrics::Labels agent, OfShards shards);  ///< One agent's samples.
};

/// All of them, in the order of the page. Thread safety: a constant; write() reads what pools count meanwhile.
[[nodiscard]] std::span<const PoolFamily> pool_families() noexcept;

}  // namespace picket::apps::gateway::process
