#pragma once

#include <span>

#include "apps/gateway/config/model.hpp"
#include "apps/gateway/upstream/site.hpp"
#include "picket/base/time.hpp"

namespace picket::apps::gateway::upstream {

/// Which of an upstream's sites takes the next request: one that is not in `tried`; null when all are. Pure but for the
/// sites' credit: the caller says what time it is. Thread safety: none.
///
/// Round robin is smooth and weighted; least connections compares active requests per weight, and takes turns where
/// they are equal. A site that rests is passed over, unless all do. Complexity: sites times tried, and tried is empty
/// unless connecting failed.
[[nodiscard]] Site* choose(std::span<const SitePtr> sites, config::LoadBalancing strategy, const Tried& tried,
                           base::TimePoint now);

}  // namespace picket::apps::gateway::upstream
