#pragma once

#include <string_view>

#include "apps/gateway/config/model.hpp"
#include "apps/gateway/generation/route_table.hpp"
#include "picket/base/headers.hpp"

namespace picket::apps::gateway::generation {

/// What a route is chosen by: the request as it goes on.
struct RouteQuery {
  std::string_view method;
  std::string_view authority;  ///< Its host name counts, in any case.
  std::string_view path;
  std::string_view query = {};  ///< Without "?".
  base::Headers headers = {};
};

/// What Router::find() found.
struct RouteChoice {
  const config::Route* route = nullptr;  ///< Null where none takes the request.
  /// Why the request must not go on, for the log; empty where it may. Whoever sends what an upstream may take for a
  /// request of another route may want to get around the agents of that one.
  std::string_view ambiguity = {};
};

/// Chooses routes. Thread safety: immutable. Lifetime: borrows the configuration.
class Router {
 public:
  explicit Router(const config::Config& config) : config_(config), table_(config.routes) {}

  /// The first route, in the configuration's order (whole paths, longest prefix), that takes the request. A prefix ends
  /// at a path segment: /api takes /api and /api/x, not /apix. A request is ambiguous where any reading of it
  /// (http/path_readings.hpp, conditions.hpp) belongs to a route that inspects otherwise, or to none.
  /// Complexity: that of RouteTable. A request that can be read in one way is looked up once and allocates nothing;
  /// http::max_readings bounds the rest.
  [[nodiscard]] RouteChoice find(const RouteQuery& query) const;

 private:
  class Search;
  [[nodiscard]] std::string_view ambiguity_of(const RouteQuery& query, const config::Route& route) const;

  const config::Config& config_;
  RouteTable table_;
};

/// Whether requests of both routes meet the same: the same agents in the same order, with the same limits, time-outs
/// and failure modes, and what a route does itself: fixed answers, redirects, header changes, limits of bodies,
/// tunnels. Not where they go: an upstream is nothing to get around.
[[nodiscard]] bool treat_alike(const config::Config& config, const config::Route& a, const config::Route& b) noexcept;

}  // namespace picket::apps::gateway::generation
