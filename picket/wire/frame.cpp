#include "picket/wire/frame.hpp"

#include <fmt/format.h>

namespace picket::wire {
namespace {

constexpr std::size_t length_size = 4;

}  // namespace

std::string_view name(FrameType type) noexcept {
  switch (type) {
    case FrameType::handshake_request: return "handshake_request";
    case FrameType::handshake_response: return "handshake_response";
    case FrameType::request_headers: return "request_headers";
    case FrameType::request_body_chunk: return "request_body_chunk";
    case FrameType::response_headers: return "response_headers";
    case FrameType::response_body_chunk: return "response_body_chunk";
    case FrameType::request_complete: return "request_complete";
    case FrameType::websocket_frame: return "websocket_frame";
    case FrameType::guardrail_inspect: return "guardrail_inspect";
    case FrameType::configure: return "configure";
    case FrameType::agent_response: return "agent_response";
    case FrameType::health_status: return "health_status";
    case FrameType::metrics_report: return "metrics_report";
    case FrameType::config_update_request: return "config_update_request";
    case FrameType::flow_control: return "flow_control";
    case FrameType::cancel: return "cancel";
    case FrameType::ping: return "ping";
    case FrameType::pong: return "pong";
  }
  return "unknown";
}

bool is_known(FrameType type) noexcept { return name(type) != "unknown"; }

base::Result<FramePeek> peek_frame(std::string_view bytes) {
  if (bytes.size() < length_size) return FramePeek{.needed = length_size};
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])); };
  const std::size_t length = byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
  if (length == 0) return base::fail(base::ErrorKind::invalid_message, "a frame of length 0: it has no type byte");
  if (length > base::limits::max_frame_length)
    return base::fail(base::ErrorKind::message_too_large, fmt::format("a frame of {} bytes; at most {} are allowed",
                                                                      length, base::limits::max_frame_length));
  if (bytes.size() < frame_header_size) return FramePeek{.needed = frame_header_size};
  const auto type = static_cast<FrameType>(byte(4));
  if (!is_known(type))
    return base::fail(base::ErrorKind::invalid_message, fmt::format("unknown frame type 0x{:02x}", byte(4)));
  const std::size_t whole = length_size + length;
  if (bytes.size() < whole) return FramePeek{.needed = whole};
  return FramePeek{.frame = FrameView{type, bytes.substr(frame_header_size, length - 1)}};
}

void write_frame_header(char* out, FrameType type, std::size_t payload_size) noexcept {
  const auto length = static_cast<std::uint32_t>(payload_size + 1);
  out[0] = static_cast<char>(length >> 24);
  out[1] = static_cast<char>(length >> 16);
  out[2] = static_cast<char>(length >> 8);
  out[3] = static_cast<char>(length);
  out[4] = static_cast<char>(type);
}

}  // namespace picket::wire
