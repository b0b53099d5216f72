#pragma once

#include <functional>
#include <memory>
#include <variant>

#include "picket/transport/grpc/answered_call.hpp"
#include "picket/wire/messages.hpp"

namespace picket::transport::grpc {

inline constexpr std::string_view control_stream = "/zentinel.agent.v2.AgentServiceV2/ControlStream";

/// What an agent's side says on a ControlStream. Lifetime: the call that hands it on.
using ControlSaid = std::variant<const wire::HealthStatus*, const wire::MetricsReport*,
                                 const wire::ConfigUpdateRequest*, const wire::LogMessage*>;
/// Takes what came of a ConfigUpdateRequest, once, at any later time; nothing where the stream has ended meanwhile. A
/// client that has said all hears the answers that are still owed, and then the end.
using ControlAnswer = std::function<void(const wire::ConfigUpdateResponse&)>;
/// Called on the connection's thread; it must not wait. The answer is there for ConfigUpdateRequest alone.
using HearControl = std::function<void(const ControlSaid&, const ControlAnswer&)>;

/// ControlStream: hears what another process of the agent's side says of the agent, and tells it what comes of that.
/// Thread safety: its connection's. Lifetime: shared; an answer that comes after its end is dropped. Errors: a message
/// that does not decode ends the call. Source: protocol.md §9.
class ControlCall final : public AnsweredCall, public std::enable_shared_from_this<ControlCall> {
 public:
  /// `hear` outlives the call.
  ControlCall(Http2Link& http2, http2::StreamId stream, const HearControl& hear) noexcept
      : AnsweredCall(http2, stream), hear_(hear) {}

  void on_end() override;
  void on_draining(base::Duration eta) override;
  /// Says that it is there: whoever waits for the head before it speaks goes on.
  void start() { begin(); }

 private:
  [[nodiscard]] base::Status on_message(std::string_view message) override;
  template <class Message>
  [[nodiscard]] base::Status hear(std::string_view payload);
  void answer(const wire::ConfigUpdateResponse& response);
  template <class Message>
  void send(const Message& message);

  const HearControl& hear_;
  int unanswered_ = 0;  // ConfigUpdateRequests
  bool is_heard_out_ = false;
};

}  // namespace picket::transport::grpc
