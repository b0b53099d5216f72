#pragma once

#include "picket/base/arena.hpp"
#include "picket/base/headers.hpp"
#include "picket/http/grammar.hpp"
#include "picket/http/request_head.hpp"

namespace picket::http {

/// The head of an HTTP/2 request as the one of HTTP/1.1 that it stands for: what an upstream of HTTP/1.1 would get is
/// written down and then read by read_request_head(), so that both versions pass the same checks, and whatever
/// would become something else on the way down is seen here.
///
/// Before that, RFC 9113 §8: known pseudo-fields, once each and first; a path that is none of an absolute URI; names in
/// lower case; no field of a connection; values that cannot end a line. `cookie` crumbs become one field (§8.2.3),
/// `:authority` becomes Host, and a Host beside it must name the same. A body of unknown length is one in chunks.
///
/// An extended CONNECT of WebSocket (RFC 8441) becomes the GET that asks for an upgrade, without its key.
///
/// `ends`: no body follows. Lifetime: views of the arena. Pure. Errors: in the result, with the client's status.
[[nodiscard]] RequestRead read_http2_request(const base::Headers& fields, bool ends, const HeadLimits& limits,
                                             base::Arena& arena);

}  // namespace picket::http
