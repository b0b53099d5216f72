#pragma once

#include "apps/gateway/generation/generation.hpp"
#include "apps/gateway/process/shard_sums.hpp"
#include "picket/metrics/exposition.hpp"

namespace picket::apps::gateway::process {

/// Writes what there is to tell of upstreams, their targets and connections. Thread safety: no configuration is taken
/// into use meanwhile.
void write_upstream_families(metrics::Exposition& page, Shards shards, const generation::Generation& generation);

}  // namespace picket::apps::gateway::process
