#include "picket/http/target.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "picket/base/headers.hpp"

namespace picket::http {
namespace {

std::string_view behind_authority(std::string_view target) noexcept {
  return target.substr(scheme_size(target) + authority_of(target).size());
}

}  // namespace

std::size_t scheme_size(std::string_view target) noexcept {
  for (const std::string_view scheme : {"http://", "https://"})
    if (base::same_name(target.substr(0, scheme.size()), scheme)) return scheme.size();
  return 0;
}

std::string_view authority_of(std::string_view target) noexcept {
  const std::size_t begin = scheme_size(target);
  if (begin == 0) return {};
  const std::string_view rest = target.substr(begin);
  return rest.substr(0, std::min(rest.find_first_of("/?"), rest.size()));
}

std::string_view path_of(std::string_view target) noexcept {
  const std::string_view path = behind_authority(target);
  return path.empty() || path.starts_with('?') || path == "*" ? std::string_view{"/"} : path.substr(0, path.find('?'));
}

std::string_view query_of(std::string_view target) noexcept {
  const auto mark = target.find('?');
  if (mark == std::string_view::npos) return {};
  const std::string_view query = target.substr(mark + 1);
  return query.substr(0, query.find('#'));
}

std::string_view origin_form(std::string_view method, std::string_view target, base::Arena& arena) {
  const std::string_view path = behind_authority(target);
  if (path.empty()) return method == "OPTIONS" ? "*" : "/";
  return path.starts_with('?') ? arena.copy(fmt::format("/{}", path)) : path;
}

std::uint16_t default_port(std::string_view target) noexcept {
  return scheme_size(target) == std::string_view{"https://"}.size() ? 443 : 80;
}

}  // namespace picket::http
