#include "apps/gateway/config/oddities.hpp"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

namespace picket::apps::gateway::config {
namespace {

/// What agents do not see although they are asked about it.
void add_packed_bodies(const Config& config, std::vector<std::string>& found) {
  for (const Agent& agent : config.agents)
    if ((agent.events.request_body || agent.events.response_body) && !agent.decompress)
      found.push_back(fmt::format(
          "agent \"{}\" sees compressed bodies as they come; decompress #true shows what they contain", agent.id));
}

/// Whoever has written a filter believes that somebody is asked.
void add_unused_filters(const Config& config, std::vector<std::string>& found) {
  for (std::size_t i = 0; i < config.filters.size(); ++i) {
    const auto uses = [&](const Route& route) { return std::ranges::find(route.filters, i) != route.filters.end(); };
    if (std::ranges::none_of(config.routes, uses))
      found.push_back(fmt::format("filter \"{}\" is in no route: nobody is asked by it", config.filters[i].id));
  }
}

void add_stars(const Config& config, std::vector<std::string>& found) {
  for (const Route& route : config.routes)
    if (route.matches.path.contains('*'))
      found.push_back(
          fmt::format("route \"{}\": the * in {} \"{}\" is a character of the path like any other; "
                      "path-prefix \"/a\" takes all that is below /a",
                      route.id, route.matches.whole_path ? "path" : "path-prefix", route.matches.path));
}

/// Of a gateway whose other routes send clients away from clear text. A route that answers by itself gives away what
/// everybody may read, and a CA asks for its challenges in clear.
void add_clear_text(const Config& config, std::vector<std::string>& found) {
  const auto is_clear = [](const Listener& listener) { return listener.protocol != Protocol::https; };
  if (std::ranges::none_of(config.listeners, is_clear) ||
      std::ranges::none_of(config.routes, &Route::redirect_to_https))
    return;
  for (const Route& route : config.routes)
    if (!route.redirect_to_https && !route.respond && !route.matches.path.starts_with("/.well-known/"))
      found.push_back(
          fmt::format("route \"{}\" has no redirect-to-https, as others have: it serves clear text", route.id));
}

}  // namespace

std::vector<std::string> oddities_of(const Config& config) {
  std::vector<std::string> found;
  add_packed_bodies(config, found);
  add_unused_filters(config, found);
  add_stars(config, found);
  add_clear_text(config, found);
  return found;
}

}  // namespace picket::apps::gateway::config
