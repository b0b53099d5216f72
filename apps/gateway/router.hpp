#pragma once

#include <string>
#include <string_view>

#include "apps/gateway/config/model.hpp"
#include "apps/gateway/http/message.hpp"

namespace picket::apps::gateway {

/// What find_route() found.
struct RouteChoice {
  const config::Route* route = nullptr;  ///< Null where none takes the request.
  /// Its path, as an upstream may resolve it (escapes, dot segments, doubled slashes), belongs to another route:
  /// whoever sends it may want to get around the agents of that one.
  bool ambiguous = false;
};

/// The first route, in the configuration's order (longest prefix first), that takes this request. A prefix ends at a
/// path segment: /api takes /api and /api/x, not /apix. Pure.
[[nodiscard]] RouteChoice find_route(const config::Config& config, const http::RequestHead& request);

/// A path as an upstream may resolve it: escapes decoded once, backslashes taken for slashes, doubled slashes and dot
/// segments removed (RFC 3986 §5.2.4, §6.2.2).
[[nodiscard]] std::string resolved_path(std::string_view path);

}  // namespace picket::apps::gateway
