#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "picket/wire/messages.hpp"

namespace picket::inspection {

/// What makes requests one session for an agent, whose exchanges then take one of its connections: for agents that keep
/// what they learn of a client in the process that learned it (pool/sticky_sessions.hpp).
///
///   filter.stickiness = {.by = Stickiness::By::cookie, .name = "session"};
///
/// A client chooses its headers and cookies, and so its session: nothing that must be kept apart may depend on it.
///
/// Thread safety: a value. Lifetime: it owns its text.
struct Stickiness {
  /// Where a request says which session it is of. `name` is for the last two.
  enum class By : std::uint8_t { none, client_ip, header, cookie };

  By by = By::none;
  std::string name;  ///< Of the header (any case) or the cookie (exactly).

  friend bool operator==(const Stickiness&, const Stickiness&) = default;
};

/// What the session of `request` is called. Empty: it is of none, as one without that header, or with an empty cookie.
/// Of several fields of the header the first counts; of a cookie the first in each Cookie field (RFC 6265 §4.2.1).
///
/// Thread safety: pure. Lifetime: a view into the request. Complexity: linear in its headers; allocates nothing.
[[nodiscard]] std::string_view session_of(const Stickiness& stickiness, const wire::RequestHeaders& request) noexcept;

}  // namespace picket::inspection
