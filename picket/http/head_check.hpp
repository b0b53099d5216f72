#pragma once

#include <optional>
#include <string_view>

#include "picket/http/grammar.hpp"

namespace picket::http {

/// Checks a whole request head, its empty line included, before any parser, agent or upstream sees it.
///
/// What two parties could read in two ways is refused (RFC 9112 §2.2, §3, §5, §6.1, §6.3, §11.2): bare CR or LF,
/// obs-fold, white space before the colon, characters that are no token in names or control characters in values,
/// Content-Length that is not one number, together with Transfer-Encoding, or more than one, Transfer-Encoding that is
/// anything but one `chunked` on HTTP/1.1, a missing, repeated or malformed Host, a Connection that is no list of
/// tokens, versions other than 1.0 and 1.1, and targets with bytes that parties read differently. What passes parses.
/// Pure. An empty Host value is allowed.
[[nodiscard]] std::optional<HeadError> check_request_head(std::string_view head, const HeadLimits& limits) noexcept;

}  // namespace picket::http
