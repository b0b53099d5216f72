#pragma once

#include <variant>

#include "picket/wire/messages.hpp"

namespace picket::session {

/// One event for an agent, of any kind: what a session's end hands on, for std::visit or an overload set. Never null.
/// Thread safety: of what it points to. Lifetime: whatever it points to belongs to who hands it out.
///
///   std::visit(base::Overloaded{[](const wire::RequestHeaders* head) { … }, [](const auto* other) { … }}, message);
using EventMessage =
    std::variant<const wire::RequestHeaders*, const wire::RequestBodyChunk*, const wire::ResponseHeaders*,
                 const wire::ResponseBodyChunk*, const wire::RequestComplete*, const wire::WebSocketFrame*,
                 const wire::GuardrailInspect*, const wire::Configure*>;

}  // namespace picket::session
