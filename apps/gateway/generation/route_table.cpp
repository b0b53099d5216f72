#include "apps/gateway/generation/route_table.hpp"

#include <algorithm>

namespace picket::apps::gateway::generation {

RouteTable::RouteTable(std::span<const config::Route> routes) {
  for (std::uint32_t i = 0; i < routes.size(); ++i) {
    const config::Matches& of = routes[i].matches;
    std::string path = of.path;
    if (path.ends_with('/')) path.pop_back();
    if (!of.whole_path) lengths_.push_back(path.size());
    Place& place = (of.whole_path ? whole_ : prefixes_)[path];
    if (!of.host) {
      place.any_host.push_back(i);
    } else if (of.host->starts_with("*.")) {
      place.domains[of.host->substr(1)].push_back(i);
    } else {
      place.hosts[*of.host].push_back(i);
    }
  }
  std::ranges::sort(lengths_, std::greater{});
  const auto repeated = std::ranges::unique(lengths_);
  lengths_.erase(repeated.begin(), repeated.end());
}

}  // namespace picket::apps::gateway::generation
