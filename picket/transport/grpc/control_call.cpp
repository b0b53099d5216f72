#include "picket/transport/grpc/control_call.hpp"

#include <chrono>
#include <string>
#include <type_traits>

#include <fmt/format.h>

#include "picket/wire/codec.hpp"
#include "picket/wire/envelope.hpp"

namespace picket::transport::grpc {
namespace {

constexpr wire::Format control_format{.encoding = wire::Encoding::protobuf, .stream = wire::Stream::control};

}  // namespace

base::Status ControlCall::on_message(std::string_view message) {
  // Behind what was read lie readable bytes, but not of a message that was put together.
  std::string padded{message};
  padded.append(base::limits::tail_padding, '\0');
  const auto frame =
      wire::open_envelope(wire::Envelope::agent_control, std::string_view{padded}.substr(0, message.size()));
  if (!frame) return frame.error();
  switch (frame->type) {
    case wire::FrameType::health_status: return hear<wire::HealthStatus>(frame->payload);
    case wire::FrameType::metrics_report: return hear<wire::MetricsReport>(frame->payload);
    case wire::FrameType::config_update_request: return hear<wire::ConfigUpdateRequest>(frame->payload);
    default: return hear<wire::LogMessage>(frame->payload);
  }
}

template <class Message>
base::Status ControlCall::hear(std::string_view payload) {
  base::Arena memory;
  const auto message = wire::decode<Message>(control_format, payload, memory);
  if (!message)
    return base::fail(message.error().kind(), fmt::format("{}: {}", name(Message::type), message.error().detail()));
  if constexpr (std::is_same_v<Message, wire::ConfigUpdateRequest>) ++unanswered_;
  hear_(&*message, [self = weak_from_this()](const wire::ConfigUpdateResponse& response) {
    if (const auto call = self.lock()) call->answer(response);
  });
  return {};
}

void ControlCall::answer(const wire::ConfigUpdateResponse& response) {
  send(response);
  --unanswered_;
  if (is_heard_out_) on_end();
}

/// Whoever has said all may still wait for answers.
void ControlCall::on_end() {
  is_heard_out_ = true;
  if (unanswered_ == 0) end(GrpcStatus::ok, "");
}

template <class Message>
void ControlCall::send(const Message& message) {
  wire::Output output;
  if (wire::encode(control_format, message, output)) say(output.flatten());
}

void ControlCall::on_draining(base::Duration eta) {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(eta).count();
  send(wire::DrainRequest{.duration_ms = static_cast<std::uint64_t>(milliseconds)});
  end(GrpcStatus::ok, "");
}

}  // namespace picket::transport::grpc
