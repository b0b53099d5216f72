#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "apps/gateway/config/source.hpp"
#include "picket/kdl/document.hpp"

namespace picket::apps::gateway::config {

/// Looks an environment variable up; empty where it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// The variables of this process. Thread safety: as getenv, so nobody may set variables meanwhile.
[[nodiscard]] Environment process_environment();

/// Replaces ${NAME} and ${NAME:-default} in every string value of a document but raw ones. As in a shell, the default
/// also stands in for a variable that is set and empty. A variable that is not set and has no default is a problem,
/// and makes its node a broken one.
void expand(std::span<kdl::Node> nodes, const Environment& environment, const Sources& sources, Problems& problems);

}  // namespace picket::apps::gateway::config
