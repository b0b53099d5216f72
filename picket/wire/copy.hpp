#pragma once

#include "picket/base/arena.hpp"
#include "picket/wire/messages.hpp"

namespace picket::wire {

/// A deep copy that needs `arena` only: what is kept beyond the payload that it came from, such as an event that
/// another thread evaluates, or an answer that outlives its read. Instantiated for every message of messages.hpp.
/// Thread safety: pure, but for the arena. Lifetime: the arena's. Complexity: each text and list is copied once.
/// Errors: std::bad_alloc.
///
///   base::Arena arena;                                        // as long as the copy is wanted
///   const auto kept = wire::copy_into(*answer.response, arena);
///   // the answer may go now: every view of `kept` is the arena's
template <class Message>
[[nodiscard]] Message copy_into(const Message& message, base::Arena& arena);

}  // namespace picket::wire
