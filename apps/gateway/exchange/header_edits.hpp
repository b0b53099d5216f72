#pragma once

#include <string_view>
#include <vector>

#include "apps/gateway/config/route.hpp"
#include "picket/http/fields.hpp"

namespace picket::apps::gateway::exchange {

/// What a route does to the fields of a head, in its order and after everybody else's changes.
inline void apply(const std::vector<config::HeaderEdit>& edits, http::FieldList& fields, base::Arena& arena) {
  for (const auto& edit : edits) {
    const base::HeaderOp operation{edit.kind, edit.name, edit.value};
    http::apply({&operation, 1}, fields, arena);
  }
}

/// Of a head whose body may go on as other bytes: what was said of those that came is gone, and its entity tag is
/// another body's, to the byte (RFC 9110 §8.8.1).
void take_digests_off(http::FieldList& fields, base::Arena& arena);

/// Of a head whose body goes on as what it contains: its coding is gone, and the digests with it.
void take_coding_off(http::FieldList& fields, base::Arena& arena);

/// Whether a field says of a body's very bytes what may not be true of others: it does not stand behind these.
[[nodiscard]] bool tells_of_bytes(std::string_view name) noexcept;

/// Whether the request asks for a part of what there is.
[[nodiscard]] bool asks_for_parts(const http::FieldList& fields) noexcept;

/// Asks for the whole where agents look at what comes: what they look for may stand across two parts, and of what they
/// made of each no client can put a whole together. Any server may answer so (RFC 9110 §14.2).
void ask_for_the_whole(http::FieldList& fields, base::Arena& arena);

/// Asks an upstream for nothing that could not be undone: Accept-Encoding names gzip, deflate, br and identity alone.
/// Without that field any coding would do (RFC 9110 §12.5.3).
void ask_for_what_can_be_undone(http::FieldList& fields, base::Arena& arena);

/// An upstream is offered none where agents look at frames, so that nothing passes unread.
void offer_no_extension(http::FieldList& fields, base::Arena& arena);

}  // namespace picket::apps::gateway::exchange
