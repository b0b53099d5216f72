#pragma once

#include <optional>
#include <string>

#include "apps/gateway/asking/upstream_stream.hpp"
#include "apps/gateway/exchange/upstream_side.hpp"
#include "apps/gateway/upstream/pool.hpp"
#include "picket/base/recycled_containers.hpp"

namespace picket::apps::gateway::asking {

/// One request over HTTP/2, and its answer: a stream of a connection that has others. The handshake of a WebSocket is
/// an extended CONNECT (RFC 8441), and an answer of 2xx the 101 that it stands for.
///
/// Thread safety: its worker's. Lifetime: what it is given outlives it; the head it finds is the stream's, or its own.
/// Errors: serialization where a WebSocket is asked for and the upstream takes none over HTTP/2, which is no failure of
/// the upstream's.
class Http2Upstream final : public exchange::UpstreamAttempt {
 public:
  /// `until`: no operation takes longer. `to_head`: the request's method is HEAD.
  Http2Upstream(UpstreamConnection& connection, upstream::Lease& lease, base::Deadline until, bool to_head,
                exchange::UpstreamListener& listener);
  ~Http2Upstream();

  /// Whether it has a stream: else nothing of it was sent.
  [[nodiscard]] bool is_opened() const noexcept { return stream_ != nullptr; }
  void begin(const exchange::RequestStart& start) override;
  [[nodiscard]] bool is_duplex() const noexcept override { return true; }
  [[nodiscard]] bool takes_trailers() const noexcept override { return true; }
  void end_with(const http::FieldList& trailers) override;
  [[nodiscard]] transport::Task<base::Status> write(std::span<const base::SharedBytes> pieces, bool last) override;
  void stop_writing() noexcept override;
  [[nodiscard]] transport::Task<base::Result<const http::ResponseHead*>> answer() override;
  [[nodiscard]] transport::Task<base::Result<std::size_t>> read(std::span<char> into) override {
    return read_by(lease_.within(lease_.timeouts().read, until_), into);
  }
  [[nodiscard]] bool has_bytes() const noexcept override { return stream_->has_bytes(); }
  [[nodiscard]] bool body_is_read() const noexcept override {
    return stream_->answer() == UpstreamStream::Answer::whole && !stream_->has_bytes();
  }
  [[nodiscard]] base::Headers trailers(base::Arena&) const override { return stream_->trailers(); }
  [[nodiscard]] websocket::TunnelEnd* tunnel_end() override { return &tunnel_end_; }
  void finish() override;
  void reset(exchange::ResetCode code) noexcept override;

 private:
  /// What follows the switch: the stream's bytes, both ways.
  class End final : public websocket::TunnelEnd {
   public:
    explicit End(Http2Upstream& side) noexcept : side_(side) {}
    ~End() = default;
    [[nodiscard]] transport::Task<base::Result<std::size_t>> read(std::span<char> into,
                                                                  base::Deadline deadline) override {
      return side_.read_by(deadline, into);
    }
    [[nodiscard]] transport::Task<base::Status> write(std::string_view bytes, base::Deadline deadline) override;
    void shutdown_write() override { side_.end_stream(); }
    void stop() noexcept override { side_.stream_->stop(); }
    void cut() noexcept override;
    void write_last(std::string_view bytes) noexcept override;

   private:
    Http2Upstream& side_;
  };

  void add(std::string_view name, std::string_view value);
  void add_pseudo_fields(const exchange::RequestStart& start);
  [[nodiscard]] bool asks_to_switch() const noexcept { return !accept_.empty(); }
  [[nodiscard]] transport::Task<base::Status> await_offer();
  [[nodiscard]] base::Status open(bool has_body);
  [[nodiscard]] transport::Task<base::Status> write_by(base::Deadline deadline,
                                                       std::span<const base::SharedBytes> pieces, bool last);
  [[nodiscard]] transport::Task<base::Result<std::size_t>> read_by(base::Deadline deadline, std::span<char> into);
  [[nodiscard]] const http::ResponseHead& as_switch(const http::ResponseHead& head);
  void end_stream();

  UpstreamConnection& connection_;
  upstream::Lease& lease_;
  const base::Deadline until_;
  exchange::UpstreamListener& listener_;
  const bool to_head_;
  base::Arena text_{1024};
  base::RecycledVector<base::Header> head_;    // of the request, until it leaves
  base::RecycledVector<base::Header> ending_;  // its trailers
  UpstreamStream* stream_ = nullptr;           // null: nothing has left
  base::Error unopened_{base::ErrorKind::connection_closed};
  StreamWait offered_;           // a WebSocket, by the upstream's settings
  std::string accept_;           // of a handshake: what answers its key
  http::ResponseHead switched_;  // what its answer stands for
  base::RecycledVector<base::Header> switched_fields_;
  End tunnel_end_{*this};
  bool has_whole_request_ = false;
  bool has_last_word_ = false;  // of a tunnel: the process ends, and has said so
};

}  // namespace picket::apps::gateway::asking
