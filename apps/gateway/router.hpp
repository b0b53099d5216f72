#pragma once

#include <string_view>

#include "apps/gateway/config/model.hpp"
#include "apps/gateway/http/message.hpp"

namespace picket::apps::gateway {

/// The path of a target: without query, and without scheme and authority where it has them.
[[nodiscard]] std::string_view path_of(std::string_view target) noexcept;
/// The target as an upstream gets it: without scheme and authority.
[[nodiscard]] std::string_view origin_form(std::string_view target) noexcept;
/// The authority of an absolute target, else empty.
[[nodiscard]] std::string_view authority_of(std::string_view target) noexcept;

/// The first route, in the configuration's order (longest prefix first), that takes this request; null where none does.
/// A prefix ends at a path segment: /api takes /api and /api/x, not /apix. Pure.
[[nodiscard]] const config::Route* find_route(const config::Config& config, const http::RequestHead& request) noexcept;

}  // namespace picket::apps::gateway
