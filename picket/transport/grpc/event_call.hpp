#pragma once

#include <memory>
#include <utility>

#include "picket/transport/grpc/answered_call.hpp"
#include "picket/transport/grpc/event_desk.hpp"

namespace picket::transport::grpc {

/// Its path: ":path" of the request.
inline constexpr std::string_view process_event = "/zentinel.agent.v2.AgentServiceV2/ProcessEvent";

/// ProcessEvent: one event, and its answer. The exchange's earlier calls are known: all calls of one connection meet at
/// its EventDesk.
///
/// Thread safety: its connection's. Lifetime: shared by the connection, and by the desk not at all: it is forgotten
/// there before it goes. Errors: bytes that are no event, or no answer, are the call's status (grpc_status()); an end
/// of the conversation is `unavailable` then, never `ok`.
class EventCall final : public UnaryCall, public EventDesk::Asker {
 public:
  EventCall(Http2Link& http2, http2::StreamId stream, std::shared_ptr<EventDesk> desk) noexcept
      : UnaryCall(http2, stream), desk_(std::move(desk)) {}
  ~EventCall() override { desk_->forget(*this); }

  void on_broken(const base::Error& reason) override {
    UnaryCall::on_broken(reason);
    desk_->forget(*this);
  }

 private:
  void on_question(std::string_view message) override {
    if (const auto status = desk_->ask(message, *this); !status) on_no_answer(status.error());
  }
  void on_answer(std::string_view message) override {
    say(message);
    end(GrpcStatus::ok, "");
  }
  void on_no_answer(const base::Error& reason) override {
    // An end without an answer is none of a call that wants one.
    const GrpcStatus status = grpc_status(reason.kind());
    end(status == GrpcStatus::ok ? GrpcStatus::unavailable : status, reason.detail());
  }

  std::shared_ptr<EventDesk> desk_;
};

}  // namespace picket::transport::grpc
