#pragma once

#include <optional>
#include <string>

#include "picket/http2/grpc_messages.hpp"
#include "picket/http2/outgoing.hpp"
#include "picket/transport/grpc/call.hpp"
#include "picket/transport/grpc_status.hpp"
#include "picket/transport/http2_link.hpp"

namespace picket::transport::grpc {

/// A call that is answered with messages and a status; not one that carries a conversation.
///
/// Memory: answers that the client does not read are held up to a bound, then the call ends. Thread safety and
/// lifetime: Call's.
///
/// A subclass says begin(), say() for each answer, and end(); what the client sends comes as on_message(), whole.
/// Units: 256 KiB of answers that are not read, then the call ends as resource_exhausted. Errors: of on_message(), as
/// the call's status with the error's detail.
class AnsweredCall : public Call {
 public:
  AnsweredCall(Http2Link& http2, http2::StreamId stream) noexcept : http2_(http2), stream_(stream) {}

  void on_data(std::string_view bytes) final;
  /// The client has said all: so has this end, unless a subclass has more to say.
  void on_end() override { end(GrpcStatus::ok, ""); }
  void on_broken(const base::Error&) override { has_ended_ = true; }

 protected:
  /// A message came. Errors end the call, with grpc_status() of their kind. Lifetime: the call. It has no prefix any
  /// more, and no readable bytes behind it are promised.
  [[nodiscard]] virtual base::Status on_message(std::string_view message) = 0;

  /// The head goes out. Once; say() and end() do it where nobody has.
  void begin();
  /// A copy is made, and nothing waits. Nothing once the call has ended.
  void say(std::string_view message);
  /// The first one counts. `message` is for people. Answers that are queued go out before it.
  void end(GrpcStatus status, std::string_view message);
  [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }
  [[nodiscard]] Worker& worker() noexcept { return http2_.worker(); }

 private:
  /// Bytes that are all there already.
  class Bytes final : public http2::Outgoing {
   public:
    void add(std::string_view bytes) { bytes_.append(bytes); }
    [[nodiscard]] std::size_t size() const noexcept override { return bytes_.size(); }
    [[nodiscard]] std::size_t gather(std::size_t skip, std::span<iovec> out) const noexcept override;
    void consume(std::size_t size) override { bytes_.consume(size); }

   private:
    base::Buffer bytes_;
  };

  Http2Link& http2_;
  http2::StreamId stream_;
  http2::GrpcMessages messages_;
  Bytes body_;
  bool has_begun_ = false;
  bool has_ended_ = false;
};

/// One that asks with a single message: it is answered once the client has said that nothing follows, since a second
/// message makes it another call than the method takes. None, or more than one, is answered with unimplemented, as
/// gRPC's own servers do.
class UnaryCall : public AnsweredCall {
 public:
  using AnsweredCall::AnsweredCall;
  void on_end() final;

 protected:
  /// `message`, with limits::tail_padding readable bytes behind it, lives as long as the call.
  virtual void on_question(std::string_view message) = 0;

 private:
  [[nodiscard]] base::Status on_message(std::string_view message) final;

  std::optional<std::string> question_;
};

}  // namespace picket::transport::grpc
