#pragma once

#include <cstddef>
#include <string_view>

#include "picket/base/arena.hpp"

/// The parts of a request's target: a path, or an absolute http URI (RFC 9112 §3.2). Pure.
namespace picket::apps::gateway::http {

/// Bytes of the scheme and its slashes at the front of an absolute target, 0 for a path.
[[nodiscard]] std::size_t scheme_size(std::string_view target) noexcept;
/// The authority of an absolute target, else empty.
[[nodiscard]] std::string_view authority_of(std::string_view target) noexcept;
/// The path: without query, and without scheme and authority where there are any; "/" where it is empty.
[[nodiscard]] std::string_view path_of(std::string_view target) noexcept;
/// The target as an upstream gets it: path and query. Lifetime: the target's, or the arena's where a slash was missing.
[[nodiscard]] std::string_view origin_form(std::string_view target, base::Arena& arena);

}  // namespace picket::apps::gateway::http
