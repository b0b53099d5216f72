#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "picket/base/arena.hpp"

/// The parts of a request's target: a path, or an absolute http URI (RFC 9112 §3.2). Pure.
namespace picket::http {

/// Bytes of the scheme and its slashes at the front of an absolute target, 0 for a path.
[[nodiscard]] std::size_t scheme_size(std::string_view target) noexcept;
/// The authority of an absolute target, else empty.
[[nodiscard]] std::string_view authority_of(std::string_view target) noexcept;
/// The path: without query, and without scheme and authority where there are any; "/" where it is empty, and for "*",
/// which is the server as a whole.
[[nodiscard]] std::string_view path_of(std::string_view target) noexcept;
/// What stands behind the first "?", up to a "#"; empty where there is none.
[[nodiscard]] std::string_view query_of(std::string_view target) noexcept;
/// The target as an upstream gets it: path and query; "*" for OPTIONS of a URI without path (RFC 9112 §3.2.4).
/// Lifetime: the target's, or the arena's where a slash was missing.
[[nodiscard]] std::string_view origin_form(std::string_view method, std::string_view target, base::Arena& arena);
/// The port that the scheme of an absolute target means where it names none; 80 for a path.
[[nodiscard]] std::uint16_t default_port(std::string_view target) noexcept;

}  // namespace picket::http
