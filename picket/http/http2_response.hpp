#pragma once

#include "picket/base/arena.hpp"
#include "picket/base/headers.hpp"
#include "picket/base/result.hpp"
#include "picket/http/grammar.hpp"
#include "picket/http/message.hpp"

namespace picket::http {

/// The head of an HTTP/2 response, interim or final, as the one of HTTP/1.1 that it stands for: it is written down and
/// read by read_response_head(), so that what clients of HTTP/1.1 would take for something else is seen here. A body of
/// unknown length is one in chunks.
///
/// Before that, RFC 9113 §8: one pseudo-field, `:status` of three digits, and first; names in lower case; no field of a
/// connection; values that cannot end a line. There is no 101 (§8.6).
///
/// `ends`: nothing follows the head. `to_head`: it answers a HEAD request. Lifetime: views of the arena. Pure. Errors:
/// invalid_message, in words for a log.
[[nodiscard]] base::Result<ResponseHead> read_http2_response(const base::Headers& fields, bool ends, bool to_head,
                                                             const HeadLimits& limits, base::Arena& arena);

}  // namespace picket::http
