#pragma once

#include <string_view>

#include "picket/base/arena.hpp"
#include "picket/base/result.hpp"
#include "picket/wire/codec.hpp"

/// Every message that travels, for explicit instantiation: users of codec.hpp compile none of the templates.
#define PICKET_FOR_EACH_MESSAGE(X) \
  X(HandshakeRequest)              \
  X(HandshakeResponse)             \
  X(ReverseRegistration)           \
  X(ReverseAnswer)                 \
  X(RequestHeaders)                \
  X(RequestBodyChunk)              \
  X(ResponseHeaders)               \
  X(ResponseBodyChunk)             \
  X(RequestComplete)               \
  X(WebSocketFrame)                \
  X(GuardrailInspect)              \
  X(Configure)                     \
  X(AgentResponse)                 \
  X(Ping)                          \
  X(Pong)                          \
  X(Cancel)                        \
  X(FlowControl)                   \
  X(HealthStatus)                  \
  X(MetricsReport)                 \
  X(ConfigUpdateRequest)           \
  X(ConfigUpdateResponse)          \
  X(LogMessage)                    \
  X(ShutdownRequest)               \
  X(DrainRequest)

namespace picket::wire::internal {

template <class Message>
void write_json(const Format& format, const Message& message, Output& out);
template <class Message>
void write_msgpack(const Format& format, const Message& message, Output& out);
template <class Message>
[[nodiscard]] base::Status read_json(std::string_view payload, base::Arena& arena, Message& message);
template <class Message>
[[nodiscard]] base::Status read_msgpack(const Format& format, std::string_view payload, base::Arena& arena,
                                        Message& message);

}  // namespace picket::wire::internal
