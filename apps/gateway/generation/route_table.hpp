#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "apps/gateway/config/route.hpp"

namespace picket::apps::gateway::generation {

/// The routes by path and host, so that a request meets those alone that take both.
///
/// Thread safety: immutable. Lifetime: indices are those of the routes that it was made of. Complexity: a look-up asks
/// a hash table once for each length of a prefix, and of a domain with that prefix, that routes name, however many
/// routes there are and however long path and host are; routes that take the same path and host are then tried one
/// after the other.
class RouteTable {
 public:
  /// Indices of routes, in the order of the configuration.
  using Indices = std::span<const std::uint32_t>;

  explicit RouteTable(std::span<const config::Route> routes);

  /// Calls `each(Indices)` with the routes of one path that take `host`, for the path itself first and then for the
  /// prefixes of `path`, longest first, as long as it says true. Lists of one path come in any order. Whole paths are
  /// found with and without a slash at their end.
  template <class Each>
  void visit(std::string_view path, std::string_view host, Each each) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  template <class T>
  using Map = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

  /// The routes of one path.
  struct PathRoutes {
    std::vector<std::uint32_t> any_host;
    Map<std::vector<std::uint32_t>> hosts;
    Map<std::vector<std::uint32_t>> domains;  // what stands behind "*", as ".example"
    std::vector<std::size_t> domain_lengths;  // the longest first
  };

  /// False: it is enough.
  template <class Each>
  static bool visit_routes(const PathRoutes& routes, std::string_view host, Each& each);

  Map<PathRoutes> whole_;             // without a slash at the end
  Map<PathRoutes> prefixes_;          // without a slash at the end
  std::vector<std::size_t> lengths_;  // of prefixes, the longest first
};

template <class Each>
bool RouteTable::visit_routes(const PathRoutes& routes, std::string_view host, Each& each) {
  bool goes_on = routes.any_host.empty() || each(Indices{routes.any_host});
  if (const auto found = routes.hosts.find(host); found != routes.hosts.end())
    goes_on = each(Indices{found->second}) && goes_on;
  for (const std::size_t length : routes.domain_lengths) {
    if (length >= host.size() || host[host.size() - length] != '.') continue;
    const auto found = routes.domains.find(host.substr(host.size() - length));
    if (found != routes.domains.end()) goes_on = each(Indices{found->second}) && goes_on;
  }
  return goes_on;
}

template <class Each>
void RouteTable::visit(std::string_view path, std::string_view host, Each each) const {
  if (!whole_.empty()) {
    const auto found = whole_.find(path.ends_with('/') ? path.substr(0, path.size() - 1) : path);
    if (found != whole_.end() && !visit_routes(found->second, host, each)) return;
  }
  for (const std::size_t length : lengths_) {
    if (length > path.size() || (length < path.size() && path[length] != '/')) continue;
    const auto found = prefixes_.find(path.substr(0, length));
    if (found != prefixes_.end() && !visit_routes(found->second, host, each)) return;
  }
}

}  // namespace picket::apps::gateway::generation
