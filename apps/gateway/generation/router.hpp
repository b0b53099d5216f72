#pragma once

#include <string_view>

#include "apps/gateway/config/model.hpp"

namespace picket::apps::gateway::generation {

/// What a route is chosen by.
struct RouteQuery {
  std::string_view method;
  std::string_view authority;  ///< Its host name counts, in any case.
  std::string_view path;
};

/// What find_route() found.
struct RouteChoice {
  const config::Route* route = nullptr;  ///< Null where none takes the request.
  /// Why the request must not go on, for the log; empty where it may. Whoever sends a path that an upstream may take
  /// for one of another route may want to get around the agents of that one.
  std::string_view ambiguity = {};
};

/// The first route, in the configuration's order (longest prefix first), that takes the request. A prefix ends at a
/// path segment: /api takes /api and /api/x, not /apix. A request is ambiguous where any reading of its path
/// (http/path_readings.hpp) belongs to a route that inspects otherwise, or to none. Pure. Complexity: a path that can
/// be read in one way is looked up once and allocates nothing; http::max_readings bounds the rest.
[[nodiscard]] RouteChoice find_route(const config::Config& config, const RouteQuery& query);

/// Whether requests of both routes are asked about alike: the same agents in the same order, with the same limits,
/// time-outs and failure modes.
[[nodiscard]] bool inspect_alike(const config::Config& config, const config::Route& a, const config::Route& b) noexcept;

}  // namespace picket::apps::gateway::generation
