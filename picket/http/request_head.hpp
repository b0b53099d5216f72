#pragma once

#include <optional>
#include <string_view>

#include "picket/base/arena.hpp"
#include "picket/http/grammar.hpp"
#include "picket/http/message.hpp"

namespace picket::http {

/// A request's head, or why it must not pass.
struct RequestRead {
  RequestHead head{};  ///< Meaningful where there is no error.
  std::optional<HeadError> error;
};

/// Reads a whole request head, its empty line included, before any agent or upstream sees it. Views point into `head`;
/// the list of fields lives in `arena`.
///
/// What two parties could read in two ways is refused (RFC 9112 §2.2, §3, §5, §6.1, §6.3, §11.2): what HeadFields
/// refuses, a missing, repeated or malformed Host, a Connection that is no list of tokens, Transfer-Encoding on
/// HTTP/1.0, versions other than 1.0 and 1.1, and targets with bytes that parties read differently. An empty Host value
/// is allowed. Pure. Complexity: one pass.
[[nodiscard]] RequestRead read_request_head(std::string_view head, const HeadLimits& limits, base::Arena& arena);

}  // namespace picket::http
