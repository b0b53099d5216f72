#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "picket/wire/messages.hpp"

namespace picket::apps::gateway::logs {

/// A kind of event as the configuration calls it.
constexpr std::string_view event_name(wire::EventKind kind) {
  constexpr auto names =
      std::to_array<std::string_view>({"configure", "request_headers", "request_body", "response_headers",
                                       "response_body", "request_complete", "websocket_frame", "guardrail"});
  static_assert(names.size() == static_cast<std::size_t>(wire::EventKind::guardrail_inspect) + 1);
  return names.at(static_cast<std::size_t>(kind));
}

}  // namespace picket::apps::gateway::logs
