#include "apps/gateway/generation/router.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include <arpa/inet.h>

#include "apps/gateway/config/network.hpp"
#include "picket/base/headers.hpp"
#include "picket/http/authority.hpp"
#include "picket/http/path_readings.hpp"

namespace picket::apps::gateway::generation {
namespace {

/// Servers take /admin for /admin/, and so does a prefix that ends in a slash.
bool takes_path(std::string_view prefix, std::string_view path) noexcept {
  if (prefix.size() == path.size() + 1 && prefix.ends_with('/')) return prefix.starts_with(path);
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
      return takes_path(route.path_prefix, path) && (!route.host || base::same_name(*route.host, host_)) &&
             (route.methods.empty() || std::ranges::find(route.methods, method_) != route.methods.end());
    });
    return found == config_.routes.end() ? nullptr : &*found;
  }

 private:
  const config::Config& config_;
  std::string_view method_;
  std::string_view host_;
};

constexpr bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }

std::string in_upper_case(std::string_view method) {
  std::string upper{method};
  std::ranges::transform(upper, upper.begin(),
                         [](char c) { return is_lower(c) ? static_cast<char>(c - 'a' + 'A') : c; });
  return upper;
}

/// The address that resolvers make of a number which is no IPv4 address in its usual form (127.1, 0x7f000001,
/// 0177.0.0.1); nothing for names, which begin with a letter mostly.
std::optional<std::string> odd_ipv4(std::string_view host) {
  if (host.empty() || host.front() < '0' || host.front() > '9' || config::IpAddress::parse(host)) return std::nullopt;
  in_addr address{};
  if (::inet_aton(std::string{host}.c_str(), &address) == 0) return std::nullopt;
  std::array<char, INET_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET, &address, text.data(), text.size());
  return text.data();
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
  if (std::ranges::any_of(query.method, is_lower)) {
    const std::string loud = in_upper_case(query.method);
    RouteQuery read = query;
    read.method = loud;
    const auto ambiguity = ambiguity_of(query.path, config, Candidates{config, read}, *route);
    if (!ambiguity.empty()) return {route, "the method can be read as one of a route with other agents"};
  }
  if (const auto host = odd_ipv4(http::host_name(query.authority))) {
    RouteQuery read = query;
    read.authority = *host;
    const auto ambiguity = ambiguity_of(query.path, config, Candidates{config, read}, *route);
    if (!ambiguity.empty()) return {route, "the host can be read as one of a route with other agents"};
  }
  if (http::has_one_reading(query.path)) return {route};
  return {route, ambiguity_of(query.path, config, candidates, *route)};
}

}  // namespace picket::apps::gateway::generation
