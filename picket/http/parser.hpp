#pragma once

#include <string_view>

#include "picket/base/arena.hpp"
#include "picket/base/result.hpp"
#include "picket/http/message.hpp"

namespace picket::http {

/// Parses a whole request head that check_request_head() has passed. Views point into `head`; the list of fields lives
/// in `arena`. Errors: invalid_message.
[[nodiscard]] base::Result<RequestHead> parse_request_head(std::string_view head, base::Arena& arena);

/// Parses a whole response head, its empty line included. `to_head`: it answers a HEAD request, so there is no body.
/// A status line without its second space is accepted. Errors: invalid_message, also for framing that two parties could
/// read in two ways.
[[nodiscard]] base::Result<ResponseHead> parse_response_head(std::string_view head, bool to_head, base::Arena& arena);

}  // namespace picket::http
