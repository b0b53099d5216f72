#pragma once

#include <memory>
#include <span>
#include <vector>

#include "apps/gateway/config/model.hpp"
#include "picket/inspection/chain.hpp"

namespace picket::apps::gateway::generation {

/// What each route's agents are asked, and how: one chain per route, in the order of config.routes. `agents` and
/// `counters`: of one worker, in the order of config.agents.
[[nodiscard]] std::vector<inspection::Chain> make_chains(const config::Config& config,
                                                         std::span<const std::shared_ptr<pool::Agent>> agents,
                                                         std::span<inspection::AgentCounters* const> counters);

}  // namespace picket::apps::gateway::generation
