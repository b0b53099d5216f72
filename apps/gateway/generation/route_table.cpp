#include "apps/gateway/generation/route_table.hpp"

#include <algorithm>

namespace picket::apps::gateway::generation {
namespace {

/// Each once, the longest first.
void sort_out(std::vector<std::size_t>& lengths) {
  std::ranges::sort(lengths, std::greater{});
  const auto repeated = std::ranges::unique(lengths);
  lengths.erase(repeated.begin(), repeated.end());
}

}  // namespace

RouteTable::RouteTable(std::span<const config::Route> routes) {
  for (std::uint32_t i = 0; i < routes.size(); ++i) {
    const config::Matches& of = routes[i].matches;
    std::string path = of.path;
    if (path.ends_with('/')) path.pop_back();
    if (!of.whole_path) lengths_.push_back(path.size());
    PathRoutes& routes_of_path = (of.whole_path ? whole_ : prefixes_)[path];
    if (!of.host) {
      routes_of_path.any_host.push_back(i);
    } else if (of.host->starts_with("*.")) {
      routes_of_path.domains[of.host->substr(1)].push_back(i);
      routes_of_path.domain_lengths.push_back(of.host->size() - 1);
    } else {
      routes_of_path.hosts[*of.host].push_back(i);
    }
  }
  sort_out(lengths_);
  for (auto* const all : {&whole_, &prefixes_})
    for (auto& [path, routes_of_path] : *all) sort_out(routes_of_path.domain_lengths);
}

}  // namespace picket::apps::gateway::generation
