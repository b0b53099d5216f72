#include "picket/inspection/stickiness.hpp"

#include <algorithm>

#include "picket/base/headers.hpp"
#include "picket/base/text.hpp"

namespace picket::inspection {
namespace {

/// Of one Cookie field (RFC 6265 §4.2.1); where it names a cookie twice the first counts.
std::string_view cookie_in(std::string_view field, std::string_view name) noexcept {
  while (!field.empty()) {
    const std::string_view pair = field.substr(0, field.find(';'));
    field.remove_prefix(std::min(field.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && base::trimmed(pair.substr(0, equals)) == name)
      return base::trimmed(pair.substr(equals + 1));
  }
  return {};
}

std::string_view cookie_of(const wire::RequestHeaders& request, std::string_view name) noexcept {
  for (const base::Header& field : request.headers) {
    if (!base::same_name(field.name, "cookie")) continue;
    if (const std::string_view value = cookie_in(field.value, name); !value.empty()) return value;
  }
  return {};
}

}  // namespace

std::string_view session_of(const Stickiness& stickiness, const wire::RequestHeaders& request) noexcept {
  switch (stickiness.by) {
    case Stickiness::By::none: return {};
    case Stickiness::By::client_ip: return request.metadata.client_ip;
    case Stickiness::By::header: return request.headers.find(stickiness.name).value_or("");
    case Stickiness::By::cookie: return cookie_of(request, stickiness.name);
  }
  return {};
}

}  // namespace picket::inspection
