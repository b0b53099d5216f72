#include "picket/http2/error_code.hpp"

#include <array>

namespace picket::http2 {

std::string_view name(ErrorCode code) noexcept {
  static constexpr std::array<std::string_view, 14> names{"no error",
                                                          "protocol error",
                                                          "internal error",
                                                          "flow control error",
                                                          "settings timeout",
                                                          "stream closed",
                                                          "frame size error",
                                                          "refused stream",
                                                          "cancel",
                                                          "compression error",
                                                          "connect error",
                                                          "enhance your calm",
                                                          "inadequate security",
                                                          "HTTP/1.1 required"};
  const auto index = static_cast<std::size_t>(code);
  return index < names.size() ? names[index] : "unknown error code";
}

}  // namespace picket::http2
