#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "apps/gateway/serving/shard.hpp"

/// What all shards have counted, for the metrics page. Thread safety: as the page's.
namespace picket::apps::gateway::process {

using Label = std::pair<std::string_view, std::string_view>;
using Shards = std::span<const std::unique_ptr<serving::Shard>>;

[[nodiscard]] inline std::uint64_t sum(Shards shards,
                                       const std::function<std::uint64_t(const serving::Shard&)>& value) {
  std::uint64_t total = 0;
  for (const auto& shard : shards) total += value(*shard);
  return total;
}

[[nodiscard]] inline std::int64_t fewest(Shards shards,
                                         const std::function<std::int64_t(const serving::Shard&)>& value) {
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (const auto& shard : shards) least = std::min(least, value(*shard));
  return least;
}

}  // namespace picket::apps::gateway::process
