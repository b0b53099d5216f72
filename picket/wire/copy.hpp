#pragma once

#include "picket/base/arena.hpp"
#include "picket/wire/messages.hpp"

namespace picket::wire {

/// A deep copy that needs `arena` only: what is kept beyond the payload it came from. Instantiated for every message.
/// Thread safety: pure, but for the arena. Lifetime: the arena's. Complexity: each text and list is copied once.
template <class Message>
[[nodiscard]] Message copy_into(const Message& message, base::Arena& arena);

}  // namespace picket::wire
