#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "picket/agent/handler.hpp"
#include "picket/inspection/frame_inspection.hpp"

/// Frames as tests have them, and an agent that judges them by a word.
namespace picket::inspection::testing {

inline wire::WebSocketFrame text(std::string_view data, std::uint64_t index = 0, bool from_client = true) {
  return {.opcode = wire::WebSocketOpcode::text,
          .data = base::as_bytes(data),
          .client_to_server = from_client,
          .frame_index = index,
          .client_ip = "192.0.2.1"};
}

/// Drops frames with "drop" in them, closes for "close", blocks for "block"; answers others with an allow.
inline agent::Reply judge_by_word(const wire::WebSocketFrame& frame, agent::Context&) {
  const std::string_view data = base::as_text(frame.data);
  if (data == "drop") return agent::Decision::drop_frame();
  if (data == "close") return agent::Decision::close_websocket(4001, "enough");
  if (data == "block") return agent::Decision::block(403);
  if (data == "never a code") return agent::Decision::close_websocket(1005, "");
  return agent::Decision::allow();
}

/// Lets the asking begin; its verdict comes into `verdict`, which outlives it.
inline transport::Task<void> keep(transport::Task<FrameVerdict> judged, std::optional<FrameVerdict>& verdict) {
  auto value = co_await judged;
  verdict = value;
}

}  // namespace picket::inspection::testing
