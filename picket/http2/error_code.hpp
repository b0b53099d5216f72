#pragma once

#include <cstdint>
#include <string_view>

namespace picket::http2 {

/// Why a stream or a connection ended (RFC 9113 §7).
///
/// A peer may send other numbers: they are kept as they are, and mean internal_error (RFC 9113 §7). `cancel` is what a
/// stream ends with that nobody wants any more, `refused_stream` one that may be sent again on another connection,
/// `enhance_your_calm` a connection whose peer went over Limits::idle_frames.
enum class ErrorCode : std::uint32_t {
  no_error = 0x0,
  protocol_error = 0x1,
  internal_error = 0x2,
  flow_control_error = 0x3,
  settings_timeout = 0x4,
  stream_closed = 0x5,
  frame_size_error = 0x6,
  refused_stream = 0x7,  ///< Nothing was done for the request: it may be asked again.
  cancel = 0x8,
  compression_error = 0x9,
  connect_error = 0xa,
  enhance_your_calm = 0xb,  ///< The peer costs more than it is worth.
  inadequate_security = 0xc,
  http_1_1_required = 0xd,
};

/// Its name in the RFC, in lower case; "unknown error code" for others.
[[nodiscard]] std::string_view name(ErrorCode code) noexcept;

}  // namespace picket::http2
