#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "picket/base/limits.hpp"
#include "picket/base/result.hpp"

/// Binary framing for Unix sockets and TCP (protocol.md §2): length u32 big-endian, type u8, payload.
namespace picket::wire {

enum class FrameType : std::uint8_t {
  handshake_request = 0x01,
  handshake_response = 0x02,
  request_headers = 0x10,
  request_body_chunk = 0x11,
  response_headers = 0x12,
  response_body_chunk = 0x13,
  request_complete = 0x14,
  websocket_frame = 0x15,
  guardrail_inspect = 0x16,
  configure = 0x17,
  agent_response = 0x20,
  health_status = 0x30,
  metrics_report = 0x31,
  config_update_request = 0x32,
  flow_control = 0x33,
  cancel = 0x40,
  ping = 0x41,
  pong = 0x42,
};

/// The type's name in logs, e.g. "request_headers"; "unknown" for a byte that is no type.
[[nodiscard]] std::string_view name(FrameType type) noexcept;
[[nodiscard]] bool is_known(FrameType type) noexcept;

inline constexpr std::size_t frame_header_size = 5;

/// One whole frame. Lifetime: the payload is a view of the bytes that were parsed.
struct FrameView {
  FrameType type;
  std::string_view payload;
  [[nodiscard]] std::size_t size() const noexcept { return frame_header_size + payload.size(); }
};

/// What the front of a byte stream holds.
struct FramePeek {
  std::optional<FrameView> frame;  ///< Set when a whole frame is there.
  std::size_t needed = 0;          ///< Otherwise: bytes that must be there before asking again is worth it.
};

/// Looks at the front of `bytes`. A truncated frame is held, not rejected. Errors: invalid_message for length zero or
/// an unknown type, message_too_large for a length over 16 MiB; both as soon as the bytes that show it are there.
[[nodiscard]] base::Result<FramePeek> peek_frame(std::string_view bytes);

/// Writes the five bytes before a payload of `payload_size`. `payload_size` < limits::max_frame_length.
void write_frame_header(char* out, FrameType type, std::size_t payload_size) noexcept;

}  // namespace picket::wire
