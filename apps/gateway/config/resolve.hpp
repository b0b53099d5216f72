#pragma once

#include "apps/gateway/config/draft.hpp"
#include "apps/gateway/config/reader.hpp"

namespace picket::apps::gateway::config {

/// Makes a configuration of a draft: names become indices, overrides are filled in, routes come into the order in which
/// they are tried. Reports what only shows in the whole: ids and addresses that are used twice, references to nothing,
/// agents without a transport or with several, routes that can never be taken.
[[nodiscard]] Config resolve(Draft&& draft, Reader& reader);

}  // namespace picket::apps::gateway::config
