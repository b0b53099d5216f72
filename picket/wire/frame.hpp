#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

/// Frames: a message's type and its payload (protocol.md §2). How they lie in what a connection carries is a matter of
/// its framing. Values and pure functions: any thread.
namespace picket::wire {

/// 0x1_ are events, from the proxy; an agent answers them with 0x20. 0x3_ the agent says unasked. A cancel is the
/// proxy's, ping and pong are for both. The handshake's request is from who dialled. A type that is not here, or that
/// its sender must not send, ends the connection. From 0x80 on: no socket carries these, only gRPC (protocol.md, gRPC),
/// whose envelopes have numbers of their own (envelope.hpp).
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
  config_update_response = 0x43,
  log = 0x80,
  shutdown = 0x81,
  drain = 0x82,
};

/// The type's name in logs, e.g. "request_headers"; "unknown" for a byte that is no type.
[[nodiscard]] std::string_view name(FrameType type) noexcept;
/// Whether it may stand in a frame on a socket. What gRPC alone carries is not; where a frame came from, and whether
/// its sender may send it, is not looked at.
[[nodiscard]] bool is_known(FrameType type) noexcept;

/// One whole frame, checked for nothing but that it is whole: what is in it is for decode() to find out. Lifetime: the
/// payload is a view of what was read.
struct FrameView {
  FrameType type;
  std::string_view payload;
};

/// What a connection writes before each payload. Encoders leave room for it; who owns the connection says what it is.
/// The default is no header at all: payloads by themselves, as tests and recordings have them. Thread safety: a value.
struct Framing {
  std::size_t header_size = 0;  ///< bytes
  /// Writes those bytes. Called once the payload is there; null where there are none.
  void (*write_header)(char* out, FrameType type, std::size_t payload_size) noexcept = nullptr;
};

}  // namespace picket::wire
