#pragma once

#include <string_view>

#include "picket/base/arena.hpp"
#include "picket/base/result.hpp"
#include "picket/http/grammar.hpp"
#include "picket/http/message.hpp"

namespace picket::http {

/// Reads a whole response head, its empty line included. Views point into `head`; the list of fields lives in `arena`.
/// `to_head`: it answers a HEAD request, so there is no body.
///
/// A status line without its second space is accepted, and so is a Connection that is no list. Errors:
/// invalid_message: a status line of another version than HTTP/1.x, a status below 100, more fields than the limit,
/// and whatever HeadFields refuses, since two parties could read it in two ways. Pure. Complexity: one pass.
[[nodiscard]] base::Result<ResponseHead> read_response_head(std::string_view head, const HeadLimits& limits,
                                                            bool to_head, base::Arena& arena);

}  // namespace picket::http
