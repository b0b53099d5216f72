#pragma once

#include <array>
#include <string_view>

#include "picket/wire/messages.hpp"

namespace picket::apps::gateway::logs {

/// A kind of event as the configuration calls it.
constexpr std::string_view event_name(wire::EventKind kind) {
  constexpr std::array<std::string_view, 8> names{"configure",        "request_headers", "request_body",
                                                  "response_headers", "response_body",   "request_complete",
                                                  "websocket_frame",  "guardrail"};
  return names.at(static_cast<std::size_t>(kind));
}

}  // namespace picket::apps::gateway::logs
