#pragma once

#include <string_view>

#include "picket/base/arena.hpp"
#include "picket/base/headers.hpp"

/// Fields that stand behind a message's body (RFC 9110 §6.5). Pure.
namespace picket::http {

/// The lines between the last chunk and the empty line, as ChunkedDecoder has checked and kept them. Lifetime: of the
/// lines; the list is the arena's.
[[nodiscard]] base::Headers read_trailers(std::string_view lines, base::Arena& arena);

/// Whether who sent this head takes trailers: `TE: trailers` (RFC 9110 §10.1.4).
[[nodiscard]] bool wants_trailers(const base::Headers& headers) noexcept;

/// Whether such a field may stand there and be passed on: its name and value are what those of a field are, and it
/// says nothing that had to be known before the body: how a message is framed, routed, cached or understood, what it
/// asks for, who asks (RFC 9110 §6.5.1). In any spelling: who merges trailers into the head would take it for one of
/// the head's.
[[nodiscard]] bool may_be_trailer(const base::Header& field) noexcept;

}  // namespace picket::http
