#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "picket/base/time.hpp"
#include "picket/session/handshake.hpp"
#include "picket/transport/stream_framing.hpp"
#include "picket/wire/codec.hpp"
#include "picket/wire/testing/padded.hpp"

/// What the tests of conversations share: frames by hand, and what one end has to write.
namespace picket::session::testing {

using wire::testing::Padded;

/// When every conversation of the tests begins.
inline constexpr base::TimePoint start_time{std::chrono::hours{100}};

/// How connections that the proxy dials begin.
[[nodiscard]] inline std::unique_ptr<ProxyOpening> handshake(ProxyConfig config) {
  return std::make_unique<ProxyHandshake>(std::make_shared<const ProxyConfig>(std::move(config)));
}
[[nodiscard]] inline std::unique_ptr<AgentOpening> handshake(AgentConfig config) {
  return std::make_unique<AgentHandshake>(std::make_shared<const AgentConfig>(std::move(config)));
}

template <class Message>
[[nodiscard]] std::string frame_of(const wire::Format& format, const Message& message) {
  wire::Output output{transport::stream_framing};
  if (!wire::encode(format, message, output)) return {};
  return output.flatten();
}

/// A frame of any bytes.
[[nodiscard]] inline std::string raw_frame(wire::FrameType type, std::string_view payload) {
  wire::Output output{transport::stream_framing};
  wire::append_frame(type, payload, output);
  return output.flatten();
}

/// The types of the frames in `bytes`, in order.
[[nodiscard]] inline std::vector<wire::FrameType> types_of(std::string_view bytes) {
  std::vector<wire::FrameType> types;
  while (!bytes.empty()) {
    const auto peek = transport::peek_frame(bytes);
    if (!peek || !peek->frame) break;
    types.push_back(peek->frame->type);
    bytes.remove_prefix(peek->needed);
  }
  return types;
}

/// What one end has to write, taken from it.
template <class End>
[[nodiscard]] std::string take_output(End& end) {
  std::string bytes = end.output().flatten();
  end.output().consume(bytes.size());
  return bytes;
}

}  // namespace picket::session::testing
