#pragma once

#include <optional>

#include "apps/gateway/exchange/upstream_side.hpp"
#include "apps/gateway/http1/body_reader.hpp"
#include "apps/gateway/http1/early_answer.hpp"
#include "apps/gateway/upstream/pool.hpp"
#include "apps/gateway/websocket/stream_end.hpp"
#include "picket/base/recycled_containers.hpp"
#include "picket/http/outgoing.hpp"

namespace picket::apps::gateway::http1 {

/// One request to a target that speaks HTTP/1.1, and its answer: on a connection that is its own meanwhile.
/// Thread safety: its worker's. Lifetime: what it is given outlives it; the heads it finds are the arena's. Stays where
/// it is: its parts know each other.
class Http1Upstream final : public exchange::UpstreamAttempt {
 public:
  /// `until`: no operation takes longer. `to_head`: the request's method is HEAD, so that no answer has a body.
  Http1Upstream(upstream::Lease& lease, base::Deadline until, bool to_head, exchange::UpstreamListener& listener,
                base::Arena& arena);
  ~Http1Upstream() = default;

  void begin(const exchange::RequestStart& start) override;
  [[nodiscard]] bool takes_trailers() const noexcept override { return chunks_; }
  void end_with(const http::FieldList& trailers) override;
  [[nodiscard]] transport::Task<base::Status> write(std::span<const base::SharedBytes> pieces, bool last) override;
  [[nodiscard]] transport::Task<base::Result<const http::ResponseHead*>> answer() override;
  [[nodiscard]] transport::Task<base::Result<std::size_t>> read(std::span<char> into) override;
  [[nodiscard]] bool has_bytes() const noexcept override { return !buffer_.empty(); }
  [[nodiscard]] bool body_is_read() const noexcept override { return body_->done(); }
  [[nodiscard]] base::Headers trailers(base::Arena& arena) const override { return body_->trailers(arena); }
  [[nodiscard]] websocket::TunnelEnd* tunnel_end() override { return &tunnel_end_; }
  void finish() override;
  void reset(exchange::ResetCode code) noexcept override;

 private:
  void write_head(const exchange::RequestStart& start);
  void add_parts(std::span<const base::SharedBytes> pieces, const http::ChunkSize& size, bool last);
  [[nodiscard]] transport::Task<base::Result<http::ResponseHead>> read_head();
  [[nodiscard]] base::Result<const http::ResponseHead*> take_head(const EarlyAnswer::Outcome& head);
  /// Of what the peer did to the connection below its answer, such as refusing our certificate.
  [[nodiscard]] bool is_of_layer(const base::Error& error) const noexcept {
    return error.kind() == base::ErrorKind::invalid_message && lease_.stream().is_layer_broken();
  }

  upstream::Lease& lease_;
  const base::Deadline until_;
  exchange::UpstreamListener& listener_;
  base::Buffer buffer_;  // what was read and not taken
  http::ResponseReader reader_;
  EarlyAnswer early_;
  bool has_whole_request_ = false;
  base::Buffer head_;                  // of the request, until it is written
  std::string_view upgrade_;           // what the request asks to switch to
  bool chunks_ = false;                // the request's body goes in chunks
  base::Buffer trailers_;              // of the request: their lines
  base::RecycledVector<iovec> parts_;  // of a write
  http::ResponseHead response_;
  std::optional<BodyReader> body_;
  websocket::StreamEnd tunnel_end_;
};

}  // namespace picket::apps::gateway::http1
