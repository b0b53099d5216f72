#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

/// What everybody who reads or writes HTTP/1.1 has to know of its lines: tokens, values, where a head ends. Whether a
/// whole head may pass is head_fields.hpp's.
namespace picket::http {

/// Bytes of the token at the front (RFC 9110 §5.6.2): 0 where there is none.
[[nodiscard]] std::size_t token_size(std::string_view text) noexcept;
[[nodiscard]] inline bool is_token(std::string_view text) noexcept {
  return !text.empty() && token_size(text) == text.size();
}
/// RFC 9110 §5.5: no control characters but the tab; bytes above 0x7F are allowed.
[[nodiscard]] bool is_field_value(std::string_view text) noexcept;

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
///
///   const http::HeadEnd end = http::find_head_end(bytes, checked, limits);
///   if (end.error) return refuse(*end.error);
///   if (!end.size) checked = bytes.size();  // read on, and ask again
[[nodiscard]] HeadEnd find_head_end(std::string_view bytes, std::size_t checked, const HeadLimits& limits) noexcept;

}  // namespace picket::http
