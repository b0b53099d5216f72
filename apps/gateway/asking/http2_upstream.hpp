#pragma once

#include <vector>

#include "apps/gateway/asking/upstream_stream.hpp"
#include "apps/gateway/exchange/upstream_side.hpp"
#include "apps/gateway/upstream/pool.hpp"

namespace picket::apps::gateway::asking {

/// One request over HTTP/2, and its answer: a stream of a connection that has others. Thread safety: its worker's.
/// Lifetime: what it is given outlives it; the head it finds is the stream's.
class Http2Upstream final : public exchange::UpstreamAttempt {
 public:
  /// `until`: no operation takes longer. `to_head`: the request's method is HEAD.
  Http2Upstream(UpstreamConnection& connection, upstream::Lease& lease, base::Deadline until, bool to_head,
                exchange::UpstreamListener& listener) noexcept
      : connection_(connection), lease_(lease), until_(until), listener_(listener), to_head_(to_head) {}
  ~Http2Upstream();

  void begin(const exchange::RequestStart& start) override;
  [[nodiscard]] bool is_duplex() const noexcept override { return true; }
  [[nodiscard]] bool takes_trailers() const noexcept override { return true; }
  void end_with(const http::FieldList& trailers) override;
  [[nodiscard]] transport::Task<base::Status> write(std::span<const base::SharedBytes> pieces, bool last) override;
  void stop_writing() noexcept override {
    if (stream_ != nullptr) stream_->writing.wake(StreamWait::Woken::stopped);
  }
  [[nodiscard]] transport::Task<base::Result<const http::ResponseHead*>> answer() override;
  [[nodiscard]] transport::Task<base::Result<std::size_t>> read(std::span<char> into) override;
  [[nodiscard]] bool has_bytes() const noexcept override { return stream_->has_bytes(); }
  [[nodiscard]] bool body_is_read() const noexcept override {
    return stream_->answer() == UpstreamStream::Answer::whole && !stream_->has_bytes();
  }
  [[nodiscard]] base::Headers trailers(base::Arena&) const override { return stream_->trailers(); }
  void finish() override;
  void reset(exchange::ResetCode code) noexcept override;

 private:
  void add(std::string_view name, std::string_view value);
  [[nodiscard]] base::Status open(bool has_body);

  UpstreamConnection& connection_;
  upstream::Lease& lease_;
  const base::Deadline until_;
  exchange::UpstreamListener& listener_;
  const bool to_head_;
  base::Arena text_{1024};
  std::vector<base::Header> head_;    // of the request, until it leaves
  std::vector<base::Header> ending_;  // its trailers
  UpstreamStream* stream_ = nullptr;  // null: nothing has left
  base::Error unopened_{base::ErrorKind::connection_closed};
  bool has_whole_request_ = false;
};

}  // namespace picket::apps::gateway::asking
