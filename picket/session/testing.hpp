#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "picket/base/time.hpp"
#include "picket/wire/codec.hpp"
#include "picket/wire/testing/padded.hpp"

/// What the session tests share: frames by hand, and what a session has to write.
namespace picket::session::testing {

using wire::testing::Padded;

/// When every session of the tests begins.
inline constexpr base::TimePoint start_time{std::chrono::hours{100}};

template <class Message>
[[nodiscard]] std::string frame_of(const wire::Format& format, const Message& message) {
  wire::Output output;
  if (!wire::encode(format, message, output)) return {};
  return output.flatten();
}

/// A frame of any bytes.
[[nodiscard]] inline std::string raw_frame(wire::FrameType type, std::string_view payload) {
  wire::Output output;
  wire::append_frame(type, payload, output);
  return output.flatten();
}

/// The types of the frames in `bytes`, in order.
[[nodiscard]] inline std::vector<wire::FrameType> types_of(std::string_view bytes) {
  std::vector<wire::FrameType> types;
  while (!bytes.empty()) {
    const auto peek = wire::peek_frame(bytes);
    if (!peek || !peek->frame) break;
    types.push_back(peek->frame->type);
    bytes.remove_prefix(peek->frame->size());
  }
  return types;
}

/// What a session has to write, taken from it.
template <class Session>
[[nodiscard]] std::string take_output(Session& session) {
  std::string bytes = session.output().flatten();
  session.output().consume(bytes.size());
  return bytes;
}

}  // namespace picket::session::testing
