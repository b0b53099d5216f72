#include "apps/gateway/router.hpp"

#include <algorithm>

namespace picket::apps::gateway {
namespace {

/// Where the authority of an absolute target begins, or 0 for a path.
std::size_t authority_begin(std::string_view target) noexcept {
  for (const std::string_view scheme : {"http://", "https://"})
    if (target.starts_with(scheme)) return scheme.size();
  return 0;
}

bool takes_path(std::string_view prefix, std::string_view path) noexcept {
  if (!path.starts_with(prefix)) return false;
  return prefix.ends_with('/') || path.size() == prefix.size() || path[prefix.size()] == '/';
}

std::string_view without_port(std::string_view host) noexcept {
  const std::size_t colon = host.rfind(':');
  return colon == std::string_view::npos || host.find(']', colon) != std::string_view::npos ? host
                                                                                            : host.substr(0, colon);
}

}  // namespace

std::string_view authority_of(std::string_view target) noexcept {
  const std::size_t begin = authority_begin(target);
  if (begin == 0) return {};
  const std::string_view rest = target.substr(begin);
  return rest.substr(0, std::min(rest.find_first_of("/?"), rest.size()));
}

std::string_view origin_form(std::string_view target) noexcept {
  const std::size_t begin = authority_begin(target);
  if (begin == 0) return target;
  const std::string_view rest = target.substr(begin + authority_of(target).size());
  return rest.empty() ? std::string_view{"/"} : rest;
}

std::string_view path_of(std::string_view target) noexcept {
  const std::string_view path = origin_form(target);
  return path.substr(0, std::min(path.find('?'), path.size()));
}

const config::Route* find_route(const config::Config& config, const http::RequestHead& request) noexcept {
  const std::string_view path = path_of(request.target);
  const std::string_view host = without_port(request.headers.find("host").value_or(""));
  const auto found = std::ranges::find_if(config.routes, [&](const config::Route& route) {
    return takes_path(route.path_prefix, path) && (!route.host || wire::same_name(*route.host, host)) &&
           (route.methods.empty() || std::ranges::find(route.methods, request.method) != route.methods.end());
  });
  return found == config.routes.end() ? nullptr : &*found;
}

}  // namespace picket::apps::gateway
