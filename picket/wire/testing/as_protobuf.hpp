#pragma once

#include <type_traits>

#include "picket/base/arena.hpp"
#include "picket/wire/internal/protobuf_mapping.hpp"
#include "picket/wire/messages.hpp"

/// What of a message protobuf carries: what comes back where it was written.
namespace picket::wire::testing {

template <class T>
void as_protobuf(T&, base::Arena&) {}

inline void as_configuration(Value& config) {
  if (config.is_null()) config.data = Value::Object{};
}
/// 8 is configure, as 0 is.
inline void as_events(std::span<const std::int32_t>& events, base::Arena& arena) {
  const auto copy = arena.copy(events);
  for (auto& event : copy) event = event == 8 ? 0 : event;
  events = copy;
}

inline void as_protobuf(HandshakeRequest& request, base::Arena& arena) {
  as_configuration(request.config);
  as_events(request.events, arena);
  request.supported_encodings = {};
  request.protocol_version = 0;
  request.client_name = {};
}
inline void as_protobuf(HandshakeResponse& response, base::Arena& arena) {
  as_events(response.capabilities.supported_events, arena);
  response.encoding.reset();
}
inline void as_protobuf(Configure& configure, base::Arena&) {
  as_configuration(configure.config);
  configure.correlation_id = {};
}
/// Milliseconds, in UTC.
inline void as_protobuf(RequestHeaders& request, base::Arena& arena) {
  Text& timestamp = request.metadata.timestamp;
  timestamp = internal::rfc3339_of(internal::milliseconds_of(timestamp), arena);
}
inline void as_protobuf(AgentResponse& response, base::Arena&) {
  response.version = 2;
  auto* const block = std::get_if<Block>(&response.decision);
  if (block != nullptr && block->headers && block->headers->empty()) block->headers.reset();
}

}  // namespace picket::wire::testing
