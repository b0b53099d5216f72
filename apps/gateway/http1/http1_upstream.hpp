#pragma once

#include <optional>
#include <vector>

#include "apps/gateway/exchange/upstream_side.hpp"
#include "apps/gateway/generation/service.hpp"
#include "apps/gateway/http1/body_reader.hpp"
#include "apps/gateway/http1/early_answer.hpp"
#include "apps/gateway/upstream/pool.hpp"
#include "picket/http/outgoing.hpp"

namespace picket::apps::gateway::http1 {

/// One request to an upstream that speaks HTTP/1.1, and its answer: on a pooled connection, or on one after the other.
/// Thread safety: its worker's. Lifetime: what it is given outlives it; the heads it finds are the arena's.
class Http1Upstream final : public exchange::UpstreamSide {
 public:
  /// `to_head`: the request's method is HEAD, so that no answer has a body.
  Http1Upstream(generation::Service& service, transport::Cancel& cancel, bool to_head, base::Arena& arena) noexcept;
  ~Http1Upstream() = default;

  [[nodiscard]] transport::Task<base::Status> connect(std::size_t upstream, std::uint64_t key,
                                                      exchange::UpstreamListener& listener) override;
  [[nodiscard]] bool is_untrusted() const noexcept override;
  [[nodiscard]] std::string_view address() const noexcept override { return attempt_->lease.address(); }
  [[nodiscard]] bool has_another(const base::Error& error) override;
  [[nodiscard]] base::Deadline patience() const override { return within(pool_->timeouts.read); }
  void begin(const exchange::RequestStart& start) override;
  [[nodiscard]] transport::Task<base::Status> write(std::span<const base::SharedBytes> pieces, bool last) override;
  [[nodiscard]] transport::Task<base::Result<const http::ResponseHead*>> answer() override;
  [[nodiscard]] transport::Task<base::Result<std::size_t>> read(std::span<char> into) override;
  [[nodiscard]] bool has_bytes() const noexcept override { return !buffer_.empty(); }
  [[nodiscard]] bool body_is_read() const noexcept override { return body_->done(); }
  [[nodiscard]] transport::Task<exchange::Tunnelled> tunnel(exchange::TunnelEnd client, base::Duration idle) override;
  void finish() override;
  void reset(exchange::ResetCode code) noexcept override;

 private:
  /// One connection and what is asked on it. Stays where it is: its parts know each other.
  struct Attempt {
    Attempt(Http1Upstream& side, upstream::Lease leased);

    upstream::Lease lease;
    http::ResponseReader reader;
    EarlyAnswer early;
    bool has_whole_request = false;
  };

  [[nodiscard]] base::Deadline within(base::Duration pause) const;
  void tell_failures();
  void write_head(const exchange::RequestStart& start);
  void add_parts(std::span<const base::SharedBytes> pieces, const http::ChunkSize& size, bool last);
  [[nodiscard]] transport::Task<base::Result<http::ResponseHead>> read_head();
  [[nodiscard]] base::Result<const http::ResponseHead*> take_head(const EarlyAnswer::Outcome& head);

  generation::Service& service_;
  base::Arena& arena_;
  bool to_head_;
  exchange::UpstreamListener* listener_ = nullptr;
  transport::Cancel& cancel_;
  transport::Cancel::Guard guard_;
  upstream::Pool* pool_ = nullptr;
  upstream::Tried tried_;
  std::size_t told_ = 0;  // of its failures
  base::Buffer buffer_;   // what was read and not taken
  std::optional<Attempt> attempt_;
  base::Buffer head_;         // of the request, until it is written
  std::string_view upgrade_;  // what the request asks to switch to
  bool chunks_ = false;       // the request's body goes in chunks
  std::vector<iovec> parts_;  // of a write
  http::ResponseHead response_;
  std::optional<BodyReader> body_;
};

}  // namespace picket::apps::gateway::http1
