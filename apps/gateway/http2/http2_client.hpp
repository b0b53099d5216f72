#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "apps/gateway/asking/stream_bytes.hpp"
#include "apps/gateway/asking/stream_wait.hpp"
#include "apps/gateway/exchange/client_side.hpp"
#include "apps/gateway/generation/service.hpp"
#include "picket/base/buffer.hpp"
#include "picket/base/recycled_containers.hpp"
#include "picket/http/request_head.hpp"
#include "picket/http2/outgoing.hpp"
#include "picket/transport/http2_link.hpp"

namespace picket::apps::gateway::http2 {

/// One stream of an HTTP/2 connection: a request and its answer.
///
/// What the client may have under way unread is the stream's window, which grows by what the exchange reads; what came
/// and was not read counts as held. What is written stays where it is until it is the kernel's. Thread safety: its
/// worker's. Lifetime: until both the exchange and the stream are over; the link outlives it.
class Http2Client final : public exchange::ClientSide, public picket::http2::Outgoing {
 public:
  /// The link's connection: several ends of which are told apart by `stream`.
  Http2Client(generation::Service& service, transport::Http2Link& link, picket::http2::StreamId stream);
  ~Http2Client() = default;

  // ---- what the connection tells it
  /// Why it must not pass, where it must not.
  [[nodiscard]] std::optional<http::HeadError> take_head(const base::Headers& fields, bool ends);
  /// Bytes of the body. False: there is no place for them, and the client is lost.
  [[nodiscard]] bool take_data(std::string_view bytes);
  void take_trailers(const base::Headers& fields);
  void take_end();
  /// The end of the answer stands in a frame.
  void answer_is_sent() noexcept { answer_ = Answer::sent; }
  [[nodiscard]] bool is_sent() const noexcept { return answer_ == Answer::sent; }
  /// The stream is over, or the connection: nobody reads what is still to be written.
  void lose();
  /// The exchange is over: what comes, or has come and was not read, goes nowhere.
  void discard();
  /// A write stood still for too long with frames half written: nobody reads from the connection.
  [[nodiscard]] bool is_stuck() const noexcept { return answer_ == Answer::stuck; }

  [[nodiscard]] picket::http2::StreamId stream() const noexcept { return stream_; }
  /// What lives as long as the request.
  [[nodiscard]] base::Arena& arena() noexcept { return arena_; }

  // ---- exchange::ClientSide
  [[nodiscard]] const http::RequestHead& request() const noexcept override { return request_; }
  void on_gone(std::function<void()> on_gone) override { on_gone_ = std::move(on_gone); }
  [[nodiscard]] std::optional<base::SharedBytes> take_whole() override;
  [[nodiscard]] transport::Task<base::Result<std::size_t>> read(std::span<char> into, base::Deadline deadline) override;
  [[nodiscard]] bool is_duplex() const noexcept override { return true; }
  void stop_reading() noexcept override { reading_.wake(Woken::stopped); }
  void stop() noexcept override;
  [[nodiscard]] bool body_has_come() const noexcept override { return body_ == Body::whole; }
  [[nodiscard]] bool body_is_read() const noexcept override { return body_has_come() && unread_.empty(); }
  void interim(std::uint16_t status, std::string_view reason, const http::FieldList& fields) override;
  [[nodiscard]] base::Headers trailers(base::Arena&) const override {
    return base::Headers{std::span<const base::Header>{trailers_.items()}};
  }
  void begin(const exchange::AnswerStart& start) override;
  [[nodiscard]] bool takes_trailers() const noexcept override { return true; }
  void end_with(const http::FieldList& trailers) override;
  [[nodiscard]] transport::Task<base::Status> write(std::string_view bytes, bool last) override;
  [[nodiscard]] websocket::TunnelEnd* tunnel_end() override { return &tunnel_end_; }
  void reset(exchange::ResetCode code) noexcept override;

  // ---- picket::http2::Outgoing
  [[nodiscard]] std::size_t size() const noexcept override { return unwritten_.size(); }
  [[nodiscard]] std::size_t gather(std::size_t skip, std::span<iovec> out) const noexcept override;
  void consume(std::size_t size) override;

 private:
  /// How far the request's body is.
  enum class Body : std::uint8_t {
    coming,    ///< More of it may come.
    whole,     ///< Its end has come; some of it may be unread.
    unwanted,  ///< The exchange was over before its end: what comes goes nowhere.
  };
  /// How far the answer is.
  enum class Answer : std::uint8_t {
    open,   ///< More of it is to be written.
    sent,   ///< Its end stands in a frame: what of it is not the kernel's yet will be, whatever the client says.
    lost,   ///< The client is gone: nobody reads it.
    stuck,  ///< The client reads nothing of the connection: it was given up with a frame half written.
  };
  /// What follows an extended CONNECT: its body and its answer's are the tunnel's bytes.
  class End final : public websocket::TunnelEnd {
   public:
    explicit End(Http2Client& side) noexcept : side_(side) {}
    ~End() = default;
    [[nodiscard]] transport::Task<base::Result<std::size_t>> read(std::span<char> into,
                                                                  base::Deadline deadline) override {
      return side_.read(into, deadline);
    }
    [[nodiscard]] transport::Task<base::Status> write(std::string_view bytes, base::Deadline deadline) override {
      return side_.write_by(deadline, bytes, false);
    }
    void shutdown_write() override;
    void stop() noexcept override { side_.stop(); }
    void cut() noexcept override;
    void write_last(std::string_view bytes) noexcept override;

   private:
    Http2Client& side_;
    bool has_ended_ = false;
  };
  using Wait = asking::StreamWait;
  using Woken = Wait::Woken;

  [[nodiscard]] bool is_lost() const noexcept { return answer_ == Answer::lost || answer_ == Answer::stuck; }
  void done_with(std::size_t size);
  [[nodiscard]] transport::Task<base::Status> write_by(base::Deadline deadline, std::string_view bytes, bool last);
  void write_head(std::uint16_t status, const http::FieldList& fields);
  void push(bool last);
  void give_up(Woken why);
  [[nodiscard]] picket::http2::Connection& connection() noexcept { return link_.connection(); }

  generation::Service& service_;
  transport::Http2Link& link_;
  const picket::http2::StreamId stream_;
  base::Arena arena_{4096};
  http::RequestHead request_;
  base::ArenaList<base::Header> trailers_{arena_};  // of the request
  asking::StreamBytes unread_;
  base::Arena head_text_{1024};
  base::RecycledVector<base::Header> head_;    // of the answer, until it leaves; empty: there is none
  base::RecycledVector<base::Header> ending_;  // of the answer: its trailers, until they leave
  std::string_view unwritten_;                 // the caller's, or in kept_
  base::Buffer kept_;                          // what stood in frames when the writing was given up
  std::function<void()> on_gone_;
  Wait reading_;
  Wait writing_;
  Body body_ = Body::coming;
  Answer answer_ = Answer::open;
  End tunnel_end_{*this};
};

}  // namespace picket::apps::gateway::http2
