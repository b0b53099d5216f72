#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string_view>

#include "picket/base/timer_wheel.hpp"
#include "picket/http2/grpc_messages.hpp"
#include "picket/http2/outgoing.hpp"
#include "picket/transport/http2_link.hpp"
#include "picket/transport/link.hpp"
#include "picket/wire/envelope.hpp"
#include "picket/wire/output.hpp"

namespace picket::transport {

/// The method that carries a conversation.
inline constexpr std::string_view process_stream = "/zentinel.agent.v2.AgentServiceV2/ProcessStream";

/// A conversation on one stream of a gRPC connection: its messages in the stream's DATA, in and out.
///
/// What its session has to say waits in an output of its own, of which HTTP/2 takes as much as the peer's window
/// allows: a peer that does not read holds up this stream, and no other. The peer's window is given back as its
/// messages are read, not as they come.
///
/// Thread safety: its worker's thread only. Lifetime: shared; its Http2Link holds what is still to be written of it, so
/// whoever has the link keeps the stream until that says that the stream has closed.
///
/// Errors: messages that are none, or that no envelope of that direction has, end the conversation, and with it the
/// stream: invalid_message, or what http2::GrpcMessages says. Units: 1 MiB of output that the peer does not take is as
/// much as is held before it gets no more window.
template <class Session>
class GrpcStream : public Link<Session>, public std::enable_shared_from_this<GrpcStream<Session>> {
 public:
  using typename Link<Session>::Conversation;
  using typename Link<Session>::Opening;
  using typename Link<Session>::Owner;

  ~GrpcStream() override = default;

  [[nodiscard]] const Opening* opening() const noexcept override {
    return conversation_ ? conversation_->opening() : opening_.get();
  }

  /// The peer is told that the stream is over; the owner is not called any more.
  void close() noexcept override;

  // ---- what its connection says
  /// A piece of the peer's messages. Behind it are limits::tail_padding readable bytes. Cut anywhere. What came behind
  /// the conversation's end is dropped, and its window given back.
  void on_data(std::string_view bytes);
  /// The peer said its last word, or the stream broke. Whoever waits for answers hears `reason`. Once; later ones are
  /// dropped.
  void on_ended(base::Error reason);
  /// What the session has to say, and should say now, goes into the connection's frames.
  void offer() {
    if (output_.urgent()) link_->connection().resume(id_);
  }

 protected:
  /// `incoming`: in which envelope the peer's messages stand.
  GrpcStream(Worker& worker, std::unique_ptr<Opening> opening, wire::Envelope incoming, Owner& owner);

  /// The stream has begun: the conversation begins. `link` outlives the stream, or its end.
  void begin(Http2Link& link, http2::StreamId id);
  /// The stream's body. It is asked until the connection says that the stream is closed.
  [[nodiscard]] http2::Outgoing& body() noexcept { return body_; }
  [[nodiscard]] http2::StreamId id() const noexcept { return id_; }
  /// Nothing more of it is wanted, at this end or the other: ends the stream as its end does. `reason` is null where
  /// the owner has closed it.
  virtual void end_stream(const base::Error* reason) noexcept = 0;

  void finish(const base::Error& reason);

 private:
  /// The session's output as a body.
  class Body final : public http2::Outgoing {
   public:
    explicit Body(wire::Output& output) noexcept : output_(output) {}
    [[nodiscard]] std::size_t size() const noexcept override { return output_.size(); }
    [[nodiscard]] std::size_t gather(std::size_t skip, std::span<iovec> out) const noexcept override;
    void consume(std::size_t size) override { output_.consume(size); }

   private:
    wire::Output& output_;
  };

  void flush() override;
  void handle_actions();
  void give_window_back();
  void arm_timer();
  void on_timer(base::TimePoint now);

  using Link<Session>::worker_;
  using Link<Session>::owner_;
  using Link<Session>::session_;

  std::unique_ptr<Opening> opening_;  // until it begins
  wire::Envelope incoming_;
  wire::Output output_;
  Body body_{output_};
  http2::GrpcMessages messages_;
  std::optional<Conversation> conversation_;
  base::Timer timer_;
  Http2Link* link_ = nullptr;
  http2::StreamId id_ = 0;
  std::size_t withheld_ = 0;  // bytes of the peer's window that it does not have back yet
};

extern template class GrpcStream<session::ProxySession>;
extern template class GrpcStream<session::AgentSession>;

}  // namespace picket::transport
