#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "picket/transport/grpc/call.hpp"
#include "picket/transport/grpc/control_call.hpp"
#include "picket/transport/grpc/event_desk.hpp"
#include "picket/transport/grpc_stream.hpp"

namespace picket::transport {

/// Makes the link of a conversation that a proxy began, whatever carries it. Once. The link is shared: whoever makes it
/// keeps it as long as he wants to be told, or closes it.
using MakeAgentLink =
    std::function<std::shared_ptr<AgentLink>(std::unique_ptr<session::AgentOpening>, AgentLink::Owner&)>;

/// The agent's end of one gRPC connection: each ProcessStream on it is a conversation of its own, the calls of
/// ProcessEvent share one, grpc.health.v1.Health says whether the agent serves, and reflection what is served.
///
/// Thread safety: its worker's thread only, under enter(). Lifetime: shared by whoever made it and by what is pending;
/// after close() nothing is called any more. Source: protocol.md §9; gRPC over HTTP/2. Errors: what is no call of gRPC
/// is answered with HTTP's 415, a method that is none with unimplemented; neither ends the connection.
///
///   auto server = std::make_shared<transport::GrpcServer>(std::move(channel), serve, on_over);
///   server->start();
///   …
///   server->drain(std::chrono::seconds{10});  // then close(), when its conversations have ended
class GrpcServer final : public std::enable_shared_from_this<GrpcServer>, public Http2Link::Owner {
 public:
  /// `serve` is called for each ProcessStream, and for the calls of ProcessEvent together. `hear_control`: what is said
  /// on a ControlStream; where it is none, there is no such method. `on_over` is called once, when the connection has
  /// ended by itself. All three are called on the worker's thread; `serve` calls what it is given, once, before it
  /// returns.
  GrpcServer(Channel channel, std::function<void(const MakeAgentLink&)> serve, std::function<void(GrpcServer&)> on_over,
             grpc::HearControl hear_control = {});
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;
  ~GrpcServer();

  /// Begins. Once, after it is made.
  void start();
  /// What it says to whoever asks from now on: SERVING, as at first, or NOT_SERVING. Those who watch are told at once.
  /// While it drains it stays NOT_SERVING.
  void set_serving(bool is_serving);
  /// Takes no new streams, and says NOT_SERVING to whoever asks. Those that are there go on; within `eta` they end.
  /// Draining twice is draining once.
  void drain(base::Duration eta = {});
  /// Every call is over, and its client sees the connection end. What is queued is written as far as the socket takes
  /// it now.
  void close();

 private:
  using Call = grpc::Call;
  class ProcessStream;
  class RefusedCall;

  void on_connected() override {}
  void on_head(http2::StreamId stream, http2::HeadKind kind, base::Headers fields, bool ends) override;
  void on_data(http2::StreamId stream, std::string_view bytes) override;
  void on_end(http2::StreamId stream) override;
  void on_closed(http2::StreamId stream, http2::ErrorCode code) override;
  void on_goaway(http2::StreamId, http2::ErrorCode, std::string_view) override {}
  void on_over(const base::Error& reason) override;

  [[nodiscard]] std::shared_ptr<Call> make_call(http2::StreamId stream, base::Headers head);
  [[nodiscard]] std::shared_ptr<Call> make_known(http2::StreamId stream, std::string_view path);
  template <class Made, class First>
  [[nodiscard]] std::shared_ptr<Made> make_link(First& first);
  [[nodiscard]] const std::shared_ptr<grpc::EventDesk>& desk();
  void end_calls(const base::Error& reason);

  std::function<void(const MakeAgentLink&)> serve_;
  std::function<void(GrpcServer&)> told_over_;
  grpc::HearControl hear_control_;
  std::shared_ptr<Http2Link> http2_;
  std::unordered_map<http2::StreamId, std::shared_ptr<Call>> calls_;
  std::shared_ptr<grpc::EventDesk> desk_;  // null before the first ProcessEvent
  bool is_serving_ = true;
  bool is_draining_ = false;
};

}  // namespace picket::transport
