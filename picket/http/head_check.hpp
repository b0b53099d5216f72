#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace picket::http {

/// Bounds on a request's head.
struct HeadLimits {
  std::size_t max_size = 16'384;  ///< bytes, the empty line included
  std::size_t max_fields = 100;
};

/// Why a head is refused: the status for the client and one sentence for the log.
struct HeadError {
  std::uint16_t status;
  std::string_view reason;
};

/// Where a head that begins at the front of `bytes` ends: after its empty line. Nothing while more is needed.
struct HeadEnd {
  std::optional<std::size_t> size;
  std::optional<HeadError> error;  ///< A line that ends in a bare LF, or more bytes than the limit.
};

/// Looks for the end of a head. `checked`: how many bytes an earlier call has seen already, which are not looked at
/// again.
[[nodiscard]] HeadEnd find_head_end(std::string_view bytes, std::size_t checked, const HeadLimits& limits) noexcept;

/// Checks a whole request head, its empty line included, before any parser, agent or upstream sees it.
///
/// What two parties could read in two ways is refused (RFC 9112 §2.2, §3, §5, §6.1, §6.3, §11.2): bare CR or LF,
/// obs-fold, white space before the colon, characters that are no token in names or control characters in values,
/// Content-Length that is not one number, together with Transfer-Encoding, or more than one, Transfer-Encoding that is
/// anything but one `chunked` on HTTP/1.1, a missing, repeated or malformed Host, a Connection that is no list of
/// tokens, versions other than 1.0 and 1.1, and targets with bytes that parties read differently. What passes parses.
/// Pure. An empty Host value is allowed.
[[nodiscard]] std::optional<HeadError> check_request_head(std::string_view head, const HeadLimits& limits) noexcept;

/// RFC 9110 §5.6.2.
[[nodiscard]] bool is_token(std::string_view text) noexcept;
/// RFC 9110 §5.5: no control characters but the tab; bytes above 0x7F are allowed.
[[nodiscard]] bool is_field_value(std::string_view text) noexcept;

}  // namespace picket::http
