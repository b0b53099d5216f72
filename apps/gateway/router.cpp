#include "apps/gateway/router.hpp"

#include <algorithm>
#include <charconv>

#include "apps/gateway/http/target.hpp"

namespace picket::apps::gateway {
namespace {

bool takes_path(std::string_view prefix, std::string_view path) noexcept {
  if (!path.starts_with(prefix)) return false;
  return prefix.ends_with('/') || path.size() == prefix.size() || path[prefix.size()] == '/';
}

/// Without port, and without the dot that makes a name absolute.
std::string_view bare_host(std::string_view host) noexcept {
  const std::size_t colon = host.rfind(':');
  host =
      colon == std::string_view::npos || host.find(']', colon) != std::string_view::npos ? host : host.substr(0, colon);
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

}  // namespace

std::string resolved_path(std::string_view path) {
  std::string decoded;
  for (std::size_t i = 0; i < path.size(); ++i) {
    unsigned value = 0;
    const bool escaped =
        path[i] == '%' && i + 2 < path.size() &&
        std::from_chars(path.data() + i + 1, path.data() + i + 3, value, 16).ptr == path.data() + i + 3;
    const char c = escaped ? static_cast<char>(value) : path[i];
    decoded += c == '\\' ? '/' : c;
    if (escaped) i += 2;
  }
  std::string resolved;
  std::string_view rest = decoded;
  while (!rest.empty()) {
    rest.remove_prefix(std::min(rest.find_first_not_of('/'), rest.size()));
    const std::string_view segment = rest.substr(0, std::min(rest.find('/'), rest.size()));
    rest.remove_prefix(segment.size());
    if (segment == "..") {
      resolved.resize(resolved.empty() ? 0 : resolved.rfind('/'));
    } else if (segment != "." && !(segment.empty() && rest.empty())) {
      resolved.append("/").append(segment);
    }
  }
  if (resolved.empty() || decoded.ends_with('/')) resolved += '/';
  return resolved;
}

RouteChoice find_route(const config::Config& config, const http::RequestHead& request) {
  const std::string_view host = bare_host(request.headers.find("host").value_or(""));
  const auto route_of = [&](std::string_view path) -> const config::Route* {
    const auto found = std::ranges::find_if(config.routes, [&](const config::Route& route) {
      return takes_path(route.path_prefix, path) && (!route.host || wire::same_name(*route.host, host)) &&
             (route.methods.empty() || std::ranges::find(route.methods, request.method) != route.methods.end());
    });
    return found == config.routes.end() ? nullptr : &*found;
  };
  const std::string_view path = http::path_of(request.target);
  const config::Route* const route = route_of(path);
  const bool is_plain = path.find('%') == std::string_view::npos && path.find("//") == std::string_view::npos &&
                        path.find("/.") == std::string_view::npos;
  return {route, !is_plain && route_of(resolved_path(path)) != route};
}

}  // namespace picket::apps::gateway
