#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "picket/wire/messages.hpp"

namespace picket::inspection {

/// What makes requests one session for an agent, whose exchanges then take one of its connections. A value.
struct Stickiness {
  enum class By : std::uint8_t { none, client_ip, header, cookie };

  By by = By::none;
  std::string name;  ///< Of the header (any case) or the cookie (exactly).

  friend bool operator==(const Stickiness&, const Stickiness&) = default;
};

/// What the session of `request` is called: a view into it. Empty: it is of none. Pure.
[[nodiscard]] std::string_view session_of(const Stickiness& stickiness, const wire::RequestHeaders& request) noexcept;

}  // namespace picket::inspection
