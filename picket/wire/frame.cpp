#include "picket/wire/frame.hpp"

namespace picket::wire {

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
    case FrameType::config_update_response: return "config_update_response";
    case FrameType::log: return "log";
    case FrameType::shutdown: return "shutdown";
    case FrameType::drain: return "drain";
  }
  return "unknown";
}

bool is_known(FrameType type) noexcept { return type < FrameType::log && name(type) != "unknown"; }

}  // namespace picket::wire
