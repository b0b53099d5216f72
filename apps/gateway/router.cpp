#include "apps/gateway/router.hpp"

#include <algorithm>
#include <string>

#include "apps/gateway/http/authority.hpp"
#include "apps/gateway/http/path_readings.hpp"
#include "picket/wire/headers.hpp"

namespace picket::apps::gateway {
namespace {

bool takes_path(std::string_view prefix, std::string_view path) noexcept {
  if (!path.starts_with(prefix)) return false;
  return prefix.ends_with('/') || path.size() == prefix.size() || path[prefix.size()] == '/';
}

/// The routes as one request sees them: only the path may still be read in several ways.
class Candidates {
 public:
  Candidates(const config::Config& config, const RouteQuery& query) noexcept
      : config_(config), method_(query.method), host_(http::host_name(query.authority)) {}

  [[nodiscard]] const config::Route* find(std::string_view path) const noexcept {
    const auto found = std::ranges::find_if(config_.routes, [&](const config::Route& route) {
      return takes_path(route.path_prefix, path) && (!route.host || wire::same_name(*route.host, host_)) &&
             (route.methods.empty() || std::ranges::find(route.methods, method_) != route.methods.end());
    });
    return found == config_.routes.end() ? nullptr : &*found;
  }

 private:
  const config::Config& config_;
  std::string_view method_;
  std::string_view host_;
};

/// Short enough for every method in use to need no memory.
std::string in_upper_case(std::string_view method) {
  std::string upper{method};
  std::ranges::transform(upper, upper.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return upper;
}

/// Why the path must not be taken as it stands; empty where all its readings come to the same.
std::string_view ambiguity_of(std::string_view path, const config::Config& config, const Candidates& candidates,
                              const config::Route& route) {
  base::Arena memory{4096};
  const auto readings = http::readings_of(path, memory);
  if (!readings) return "the path can be read in too many ways";
  for (const auto reading : *readings) {
    const auto* const other = candidates.find(reading);
    if (other == nullptr) return "the path can be read as one that no route takes";
    if (!inspect_alike(config, route, *other)) return "the path can be read as one of a route with other agents";
  }
  return {};
}

}  // namespace

bool inspect_alike(const config::Config& config, const config::Route& a, const config::Route& b) noexcept {
  if (&a == &b) return true;
  return std::ranges::equal(a.filters, b.filters, [&](std::size_t left, std::size_t right) {
    const auto& one = config.filters[left];
    const auto& other = config.filters[right];
    return one.agent == other.agent && one.failure_mode == other.failure_mode && one.timeout == other.timeout;
  });
}

RouteChoice find_route(const config::Config& config, const RouteQuery& query) {
  const Candidates candidates{config, query};
  const auto* const route = candidates.find(query.path);
  if (route == nullptr) return {route};
  // Methods are case-sensitive (RFC 9110 §9.1), and some servers take them in any case.
  if (const std::string loud = in_upper_case(query.method); loud != query.method) {
    RouteQuery read = query;
    read.method = loud;
    const auto ambiguity = ambiguity_of(query.path, config, Candidates{config, read}, *route);
    if (!ambiguity.empty()) return {route, "the method can be read as one of a route with other agents"};
  }
  if (http::has_one_reading(query.path)) return {route};
  return {route, ambiguity_of(query.path, config, candidates, *route)};
}

}  // namespace picket::apps::gateway
