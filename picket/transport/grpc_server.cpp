#include "picket/transport/grpc_server.hpp"

#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "picket/session/quote.hpp"
#include "picket/transport/grpc/ending.hpp"
#include "picket/transport/grpc/event_call.hpp"
#include "picket/transport/grpc/health_call.hpp"
#include "picket/transport/grpc/reflection_call.hpp"
#include "picket/transport/grpc_status.hpp"

namespace picket::transport {
namespace {

using base::ErrorKind;
using base::fail;
using grpc::answer_head;
using grpc::Ending;

}  // namespace

/// A conversation.
class GrpcServer::ProcessStream final : public GrpcStream<session::AgentSession>, public Call {
 public:
  ProcessStream(Http2Link& http2, std::unique_ptr<session::AgentOpening> opening, AgentLink::Owner& owner)
      : GrpcStream(http2.worker(), std::move(opening), wire::Envelope::proxy_to_agent, owner), http2_(&http2) {}

  void start(http2::StreamId stream) {
    // The head goes out at once: some proxies send their handshake only once they have it.
    http2_->connection().respond(stream, base::Headers(answer_head), &body());
    begin(*http2_, stream);
    http2_->flush_later();
  }

  void on_data(std::string_view bytes) override { GrpcStream::on_data(bytes); }
  void on_end() override { on_ended(fail(ErrorKind::connection_closed, "the proxy ended the stream")); }
  void on_broken(const base::Error& reason) override {
    is_broken_ = true;
    on_ended(reason);
  }

 private:
  void end_stream(const base::Error* reason) noexcept override {
    if (is_broken_) return;
    const Ending ending(reason == nullptr ? GrpcStatus::ok : grpc_status(reason->kind()),
                        reason == nullptr ? "" : reason->detail());
    const auto fields = ending.fields();
    http2_->connection().finish(id(), base::Headers(fields));
    http2_->flush_later();
  }

  Http2Link* http2_;
  bool is_broken_ = false;
};

/// One that was answered with its head.
class GrpcServer::RefusedCall final : public Call {
 public:
  RefusedCall(Http2Link& http2, http2::StreamId stream) : http2_(http2), stream_(stream) {}
  void on_data(std::string_view bytes) override { http2_.connection().taken(stream_, bytes.size()); }
  void on_end() override {}
  void on_broken(const base::Error&) override {}

 private:
  Http2Link& http2_;
  http2::StreamId stream_;
};

GrpcServer::GrpcServer(Channel channel, std::function<void(const MakeAgentLink&)> serve,
                       std::function<void(GrpcServer&)> on_over, grpc::HearControl hear_control)
    : serve_(std::move(serve)),
      told_over_(std::move(on_over)),
      hear_control_(std::move(hear_control)),
      http2_(std::make_shared<Http2Link>(std::move(channel), http2::Role::server, http2::Limits{}, *this)) {}

GrpcServer::~GrpcServer() { close(); }

void GrpcServer::start() { http2_->serve(); }

void GrpcServer::drain(base::Duration eta) {
  if (std::exchange(is_draining_, true)) return;
  http2_->connection().go_away(http2::ErrorCode::no_error);
  set_serving(false);
  const auto calls = calls_;  // what ends may call back
  for (const auto& [stream, call] : calls) call->on_draining(eta);
  http2_->flush_later();
}

void GrpcServer::set_serving(bool is_serving) {
  if (is_draining_ && is_serving) return;
  if (std::exchange(is_serving_, is_serving) == is_serving) return;
  for (const auto& [stream, call] : calls_) call->on_serving_changed();
}

void GrpcServer::close() {
  if (!http2_->is_open()) return;
  end_calls(fail(ErrorKind::unavailable, "the agent ends"));
  http2_->close(std::make_shared<decltype(calls_)>(std::move(calls_)));
}

void GrpcServer::on_head(http2::StreamId stream, http2::HeadKind kind, base::Headers fields, bool) {
  if (kind == http2::HeadKind::oversized) return http2_->connection().reset(stream, http2::ErrorCode::internal_error);
  if (kind == http2::HeadKind::head) calls_[stream] = make_call(stream, fields);
}

std::shared_ptr<GrpcServer::Call> GrpcServer::make_call(http2::StreamId stream, base::Headers head) {
  const auto refuse = [&](base::Headers answer) {
    http2_->connection().respond(stream, answer, nullptr);
    return std::make_shared<RefusedCall>(*http2_, stream);
  };
  const std::string_view path = head.find(":path").value_or("");
  const bool is_grpc =
      head.find(":method") == "POST" && head.find("content-type").value_or("").starts_with("application/grpc");
  if (!is_grpc) {
    static constexpr std::array<base::Header, 1> unsupported{{{":status", "415"}}};
    return refuse(base::Headers(unsupported));
  }
  if (auto call = make_known(stream, path)) return call;
  const Ending answer(GrpcStatus::unimplemented, fmt::format("no such method: {}", session::printable(path, 128)));
  auto fields = answer.fields();
  fields.insert(fields.begin(), answer_head.begin(), answer_head.end());
  return refuse(base::Headers(fields));
}

/// Null where no service has such a method.
std::shared_ptr<GrpcServer::Call> GrpcServer::make_known(http2::StreamId stream, std::string_view path) {
  if (path == process_stream) {
    auto call = make_link<ProcessStream>(*http2_);
    call->start(stream);
    return call;
  }
  if (path == grpc::control_stream && hear_control_) {
    auto call = std::make_shared<grpc::ControlCall>(*http2_, stream, hear_control_);
    call->start();
    return call;
  }
  if (path == grpc::process_event) return std::make_shared<grpc::EventCall>(*http2_, stream, desk());
  if (path == grpc::health_check || path == grpc::health_watch)
    return std::make_shared<grpc::HealthCall>(*http2_, stream, path == grpc::health_watch, is_serving_);
  if (grpc::is_reflection(path)) return std::make_shared<grpc::ReflectionCall>(*http2_, stream);
  return nullptr;
}

/// The agent's end of a conversation, which the agent takes.
template <class Made, class First>
std::shared_ptr<Made> GrpcServer::make_link(First& first) {
  std::shared_ptr<Made> made;
  serve_([&](std::unique_ptr<session::AgentOpening> opening, AgentLink::Owner& owner) {
    made = std::make_shared<Made>(first, std::move(opening), owner);
    return std::static_pointer_cast<AgentLink>(made);
  });
  return made;
}

/// Where the calls of ProcessEvent are answered: made for the first of them, and anew where the last one has ended.
const std::shared_ptr<grpc::EventDesk>& GrpcServer::desk() {
  if (desk_ && desk_->is_open()) return desk_;
  desk_ = make_link<grpc::EventDesk>(http2_->worker());
  desk_->open();
  return desk_;
}

void GrpcServer::on_data(http2::StreamId stream, std::string_view bytes) {
  if (const auto found = calls_.find(stream); found != calls_.end()) std::shared_ptr(found->second)->on_data(bytes);
}

void GrpcServer::on_end(http2::StreamId stream) {
  if (const auto found = calls_.find(stream); found != calls_.end()) std::shared_ptr(found->second)->on_end();
}

void GrpcServer::on_closed(http2::StreamId stream, http2::ErrorCode code) {
  const auto found = calls_.find(stream);
  if (found == calls_.end()) return;
  const auto call = std::move(found->second);
  calls_.erase(found);
  call->on_broken(fail(ErrorKind::connection_closed, fmt::format("the stream ended: {}", http2::name(code))));
}

void GrpcServer::on_over(const base::Error& reason) {
  const auto self = shared_from_this();
  end_calls(reason);
  http2_->close(std::make_shared<decltype(calls_)>(std::move(calls_)));
  if (const auto told = std::exchange(told_over_, nullptr)) told(*this);
}

void GrpcServer::end_calls(const base::Error& reason) {
  const auto calls = calls_;  // what ends may call back
  for (const auto& [stream, call] : calls) call->on_broken(reason);
  if (desk_) desk_->end(reason);
}

}  // namespace picket::transport
