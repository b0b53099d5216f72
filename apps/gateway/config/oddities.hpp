#pragma once

#include <string>
#include <vector>

#include "apps/gateway/config/model.hpp"

namespace picket::apps::gateway::config {

/// What a configuration may say and is seldom meant so: a sentence for each, that names the block. Complexity: linear
/// in routes and filters.
[[nodiscard]] std::vector<std::string> oddities_of(const Config& config);

}  // namespace picket::apps::gateway::config
