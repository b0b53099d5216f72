#pragma once

#include <optional>
#include <string_view>

#include "picket/base/arena.hpp"

namespace picket::http {

/// What one proxy says of whom it passes on (RFC 7239 §4), without quotes; empty where it does not. What the client
/// sent stands first, and nobody vouches for it: trust begins at the end of the list.
struct ForwardedElement {
  std::string_view node;  ///< for=
  std::string_view proto;
  std::string_view host;
};

/// The elements of one Forwarded field, in its order. Nothing where any of it is malformed, or names a parameter twice:
/// a client's quote that has no end must not swallow what a proxy has written behind it. Pure. Lifetime: views of the
/// value and the arena.
[[nodiscard]] std::optional<base::ArenaList<ForwardedElement>> read_forwarded(std::string_view value,
                                                                              base::Arena& arena);

}  // namespace picket::http
