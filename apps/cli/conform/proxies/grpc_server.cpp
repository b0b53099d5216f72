#include "apps/cli/conform/proxies/grpc_server.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "picket/transport/grpc_stream.hpp"

namespace picket::apps::cli::conform::proxies {
namespace {

constexpr std::string_view health_check = "/grpc.health.v1.Health/Check";
constexpr std::string_view control_stream = "/zentinel.agent.v2.AgentServiceV2/ControlStream";
constexpr std::string_view serving = "\x08\x01";
constexpr std::array<base::Header, 2> answer{{{":status", "200"}, {"content-type", "application/grpc"}}};
constexpr std::array<base::Header, 3> unimplemented{
    {{":status", "200"}, {"content-type", "application/grpc"}, {"grpc-status", "12"}}};
constexpr std::chrono::seconds to_write{1};

std::string_view path_of(base::Headers fields) noexcept {
  for (const auto& [name, value] : fields)
    if (name == ":path") return value;
  return {};
}

}  // namespace

void GrpcServer::read() {
  if (has_ended_) return;
  for (auto came = line_.read(base::TimePoint{}); !came || *came; came = line_.read(base::TimePoint{})) {
    if (came) continue;
    has_ended_ = true;
    for (const auto& [id, call] : calls_)
      if (!call->ended) call->ended = came.error().detail();
    return;
  }
  flush();
}

std::vector<std::unique_ptr<Pipe>> GrpcServer::arrivals() {
  std::vector<std::unique_ptr<Pipe>> pipes;
  for (const http2::StreamId id : std::exchange(new_, {}))
    if (const auto call = calls_.find(id); call != calls_.end())
      pipes.push_back(std::make_unique<ServedCall>(shared_from_this(), id, call->second));
  return pipes;
}

base::Status GrpcServer::write(http2::StreamId id, std::string_view bytes, base::TimePoint deadline) {
  const auto found = calls_.find(id);
  if (found == calls_.end() || found->second->ended)
    return base::fail(base::ErrorKind::connection_closed, "the call is over");
  GrpcCall& call = *found->second;
  respond(id, call);
  call.body.add(bytes);
  line_.connection().resume(id);
  PICKET_TRY(line_.flush(deadline));
  // What the peer's window holds back leaves once the peer has read.
  while (call.body.size() != 0 && !call.ended) {
    const auto came = line_.read(deadline);
    if (!came) return came.error();
    if (!*came) return base::fail(base::ErrorKind::timeout, "it does not read");
  }
  return {};
}

void GrpcServer::finish(http2::StreamId id, std::string_view grpc_status) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  respond(id, *found->second);
  const std::array<base::Header, 1> trailers{{{"grpc-status", grpc_status}}};
  line_.connection().finish(id, base::Headers(trailers));
  flush();
}

void GrpcServer::go_away() {
  line_.connection().go_away(http2::ErrorCode::no_error);
  flush();
}

void GrpcServer::reset() {
  has_ended_ = true;
  line_.reset();
}

void GrpcServer::flush() { (void)line_.flush(base::Clock::now() + to_write).has_value(); }

// ---- what the connection says

void GrpcServer::on_head(http2::StreamId stream, http2::HeadKind kind, base::Headers fields, bool ends) {
  if (kind == http2::HeadKind::head) begin(stream, fields);
  if (ends) on_end(stream);
}

void GrpcServer::begin(http2::StreamId stream, base::Headers fields) {
  const std::string_view path = path_of(fields);
  if (path == health_check) return answer_health(stream);
  if (path == control_stream) return line_.connection().respond(stream, base::Headers(answer), bytes_of_other(stream));
  if (path != transport::process_stream)
    return line_.connection().respond(stream, base::Headers(unimplemented), nullptr);
  auto call = std::make_shared<GrpcCall>();
  for (const auto& [name, value] : fields) call->head.push_back({std::string{name}, std::string{value}});
  if (head_ == HeadOfAnswer::at_once) respond(stream, *call);
  calls_.emplace(stream, std::move(call));
  new_.push_back(stream);
}

/// What is answered to a call that is no conversation.
PendingBytes* GrpcServer::bytes_of_other(http2::StreamId stream) {
  return others_.emplace(stream, std::make_unique<PendingBytes>()).first->second.get();
}

void GrpcServer::answer_health(http2::StreamId stream) {
  constexpr std::array<base::Header, 1> ok{{{"grpc-status", "0"}}};
  PendingBytes* const bytes = bytes_of_other(stream);
  bytes->add(grpc_message(serving));
  line_.connection().respond(stream, base::Headers(answer), bytes);
  line_.connection().finish(stream, base::Headers(ok));
}

void GrpcServer::respond(http2::StreamId stream, GrpcCall& call) {
  if (std::exchange(call.is_answered, true)) return;
  line_.connection().respond(stream, base::Headers(answer), &call.body);
}

void GrpcServer::on_data(http2::StreamId stream, std::string_view bytes) {
  line_.connection().taken(stream, bytes.size());
  const auto found = calls_.find(stream);
  if (found == calls_.end()) return;
  GrpcCall& call = *found->second;
  const auto status = call.messages.feed(bytes, [&](std::string_view message) -> base::Status {
    call.received.emplace_back(message);
    return {};
  });
  if (!status) end(stream, status.error().detail());
}

void GrpcServer::on_end(http2::StreamId stream) { end(stream, "it ended the call"); }

void GrpcServer::on_closed(http2::StreamId stream, http2::ErrorCode code) {
  end(stream, fmt::format("it ended the call: {}", http2::name(code)));
  others_.erase(stream);
}

void GrpcServer::end(http2::StreamId stream, std::string how) {
  const auto found = calls_.find(stream);
  if (found != calls_.end() && !found->second->ended) found->second->ended = std::move(how);
}

// ---- a call

Heard ServedCall::hear(base::TimePoint) {
  server_->read();
  if (call_->received.empty()) return call_->ended ? Heard{Ended{*call_->ended}} : Heard{Silence{}};
  const std::string message = std::move(call_->received.front());
  call_->received.pop_front();
  return open_message(wire::Envelope::proxy_to_agent, message);
}

}  // namespace picket::apps::cli::conform::proxies
