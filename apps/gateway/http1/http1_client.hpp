#pragma once

#include "apps/gateway/downstream/client_watch.hpp"
#include "apps/gateway/exchange/client_side.hpp"
#include "apps/gateway/generation/service.hpp"
#include "apps/gateway/http1/body_reader.hpp"
#include "apps/gateway/websocket/stream_end.hpp"
#include "picket/base/buffer.hpp"
#include "picket/transport/stream.hpp"

namespace picket::apps::gateway::http1 {

/// One request of an HTTP/1.x connection and its answer. What there is of the connection is the exchange's while this
/// lives. Thread safety: its worker's. Lifetime: service, stream, buffer and the request's memory outlive it.
class Http1Client final : public exchange::ClientSide {
 public:
  /// `buffered`: what was read of the connection behind the head. `may_stay`: the connection may take another request.
  Http1Client(generation::Service& service, transport::Stream& stream, base::Buffer& buffered,
              const http::RequestHead& request, bool may_stay = true);
  ~Http1Client() = default;

  [[nodiscard]] const http::RequestHead& request() const noexcept override { return request_; }
  void on_gone(std::function<void()> on_gone) override;
  [[nodiscard]] std::optional<base::SharedBytes> take_whole() override {
    const auto whole = body_.take_whole();
    return whole ? std::optional{base::SharedBytes::borrowed(*whole)} : std::nullopt;
  }
  [[nodiscard]] transport::Task<base::Result<std::size_t>> read(std::span<char> into, base::Deadline deadline) override;
  void stop_reading() noexcept override { stream_.cancel(); }
  void stop() noexcept override { stream_.cancel(); }
  [[nodiscard]] bool body_has_come() const noexcept override { return body_.is_buffered(); }
  [[nodiscard]] bool body_is_read() const noexcept override { return body_.done(); }
  [[nodiscard]] base::Headers trailers(base::Arena& arena) const override { return body_.trailers(arena); }
  void interim(std::uint16_t status, std::string_view reason, const http::FieldList& fields) override;
  void begin(const exchange::AnswerStart& start) override;
  /// Those that have said so, where the body goes in chunks (RFC 9110 §6.5.1).
  [[nodiscard]] bool takes_trailers() const noexcept override;
  void end_with(const http::FieldList& trailers) override { http::write_fields(trailers_, trailers); }
  [[nodiscard]] transport::Task<base::Status> write(std::string_view bytes, bool last) override;
  [[nodiscard]] websocket::TunnelEnd* tunnel_end() override;
  void reset(exchange::ResetCode code) noexcept override;

  /// Whether the connection may take another request after a whole answer.
  [[nodiscard]] bool keeps_alive() const noexcept { return keep_alive_; }

 private:
  void frame_body(exchange::BodyLength length);
  /// Takes so many bytes off what the head has said. Whether they are no more than that, and at the end no fewer.
  [[nodiscard]] bool keeps_promise(std::size_t size, bool last) noexcept;
  /// A client that cannot tell the end of an answer from a cut one must not take the second for the first.
  void end_with_reset(bool reset) noexcept;

  generation::Service& service_;
  transport::Stream& stream_;
  const http::RequestHead& request_;
  BodyReader body_;
  std::function<void()> on_gone_;
  downstream::ClientWatch watch_;  // while nobody reads from the client or writes to it
  base::Buffer out_;               // what has not left yet: interim answers, the head behind them
  std::size_t interim_size_ = 0;   // of it
  base::Buffer trailers_;          // their lines, until the end leaves
  bool may_stay_;
  bool keep_alive_ = false;                // as the head has said
  bool chunks_ = false;                    // the answer's body goes in chunks
  std::optional<std::uint64_t> promised_;  // bytes of it that the head has said and that have not left
  bool resets_ = false;                    // how the connection would end now
  websocket::StreamEnd tunnel_end_;
};

}  // namespace picket::apps::gateway::http1
