#pragma once

#include <optional>

#include "apps/gateway/asking/http2_upstream.hpp"
#include "apps/gateway/exchange/upstream_side.hpp"
#include "apps/gateway/generation/service.hpp"
#include "apps/gateway/http1/http1_upstream.hpp"
#include "apps/gateway/upstream/pool.hpp"

namespace picket::apps::gateway::asking {

/// What one exchange has of its upstream: a connection of the pool, or one after the other, and what is asked on it in
/// the version of HTTP that is spoken there. Thread safety: its worker's. Lifetime: what it is given outlives it; the
/// heads it finds are the arena's, or the attempt's.
class AskedUpstream final : public exchange::UpstreamSide {
 public:
  /// `to_head`: the request's method is HEAD, so that no answer has a body.
  AskedUpstream(generation::Service& service, transport::Cancel& cancel, bool to_head, base::Arena& arena) noexcept;
  ~AskedUpstream();

  [[nodiscard]] transport::Task<base::Status> connect(const exchange::UpstreamTerms& terms,
                                                      exchange::UpstreamListener& listener) override;
  [[nodiscard]] bool is_untrusted() const noexcept override;
  [[nodiscard]] std::string_view address() const noexcept override { return lease_->address(); }
  [[nodiscard]] bool has_another(const base::Error& error) override;
  [[nodiscard]] base::Deadline patience() const override {
    return lease_->within(lease_->timeouts().read, tried_.until);
  }

  // ---- of the attempt
  void begin(const exchange::RequestStart& start) override { attempt_->begin(start); }
  [[nodiscard]] bool is_duplex() const noexcept override { return attempt_->is_duplex(); }
  [[nodiscard]] bool takes_trailers() const noexcept override { return attempt_->takes_trailers(); }
  void end_with(const http::FieldList& trailers) override { attempt_->end_with(trailers); }
  [[nodiscard]] transport::Task<base::Status> write(std::span<const base::SharedBytes> pieces, bool last) override {
    return attempt_->write(pieces, last);
  }
  void stop_writing() noexcept override {
    if (attempt_ != nullptr) attempt_->stop_writing();
  }
  [[nodiscard]] transport::Task<base::Result<const http::ResponseHead*>> answer() override;
  [[nodiscard]] transport::Task<base::Result<std::size_t>> read(std::span<char> into) override {
    return attempt_->read(into);
  }
  [[nodiscard]] bool has_bytes() const noexcept override { return attempt_->has_bytes(); }
  [[nodiscard]] bool body_is_read() const noexcept override { return attempt_->body_is_read(); }
  [[nodiscard]] base::Headers trailers(base::Arena& arena) const override { return attempt_->trailers(arena); }
  [[nodiscard]] websocket::TunnelEnd* tunnel_end() override { return attempt_->tunnel_end(); }
  void finish() override;
  void reset(exchange::ResetCode code) noexcept override;

 private:
  void begin_attempt();
  void end_attempt() noexcept;
  void tell_failures();

  generation::Service& service_;
  base::Arena& arena_;
  const bool to_head_;
  exchange::UpstreamListener* listener_ = nullptr;
  transport::Cancel& cancel_;
  transport::Cancel::Guard guard_;
  upstream::Pool* pool_ = nullptr;
  upstream::Tried tried_;
  std::size_t told_ = 0;  // of its failures
  std::optional<upstream::Lease> lease_;
  std::optional<http1::Http1Upstream> over_http1_;  // one of the two while there is an attempt
  std::optional<Http2Upstream> over_http2_;
  exchange::UpstreamAttempt* attempt_ = nullptr;
};

}  // namespace picket::apps::gateway::asking
