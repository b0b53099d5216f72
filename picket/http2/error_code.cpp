#include "picket/http2/error_code.hpp"

#include <array>

namespace picket::http2 {

std::string_view name(ErrorCode code) noexcept {
  static constexpr auto names = std::to_array<std::string_view>(
      {"no error", "protocol error", "internal error", "flow control error", "settings timeout", "stream closed",
       "frame size error", "refused stream", "cancel", "compression error", "connect error", "enhance your calm",
       "inadequate security", "HTTP/1.1 required"});
  static_assert(names.size() == static_cast<std::size_t>(ErrorCode::http_1_1_required) + 1);
  const auto index = static_cast<std::size_t>(code);
  return index < names.size() ? names[index] : "unknown error code";
}

}  // namespace picket::http2
