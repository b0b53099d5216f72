#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "apps/gateway/config/model.hpp"
#include "picket/base/result.hpp"
#include "picket/http2/outgoing.hpp"
#include "picket/transport/channel.hpp"
#include "picket/transport/http2_link.hpp"

namespace picket::apps::gateway::upstream {

/// One question over HTTP/2 on a connection of its own: a GET, or a call of grpc.health.v1.Health/Check about the whole
/// server. Thread safety: its worker's. Lifetime: shared with its link while that writes; cancel() lets go of whoever
/// began it.
class Http2Check final : public std::enable_shared_from_this<Http2Check>,
                         private transport::Http2Link::Owner,
                         private picket::http2::Outgoing {
 public:
  /// Told once what came of it, as of CheckAttempt.
  using Done = std::function<void(const base::Status&)>;

  Http2Check(transport::Channel channel, const config::HealthCheck& terms, std::string authority, Done done);
  ~Http2Check() = default;

  void begin() { link_->serve(); }
  /// Nobody wants to know any more.
  void cancel() noexcept;

 private:
  void on_connected() override;
  void on_head(picket::http2::StreamId id, picket::http2::HeadKind kind, base::Headers fields, bool ends) override;
  void on_data(picket::http2::StreamId id, std::string_view bytes) override;
  void on_end(picket::http2::StreamId id) override;
  void on_closed(picket::http2::StreamId id, picket::http2::ErrorCode code) override;
  void on_goaway(picket::http2::StreamId, picket::http2::ErrorCode, std::string_view) override {}
  void on_over(const base::Error& reason) override;

  [[nodiscard]] std::size_t size() const noexcept override { return body_.size(); }
  [[nodiscard]] std::size_t gather(std::size_t skip, std::span<iovec> out) const noexcept override;
  void consume(std::size_t size) override { body_.remove_prefix(size); }

  [[nodiscard]] bool is_grpc() const noexcept { return terms_.type == config::HealthCheck::Type::grpc; }
  [[nodiscard]] base::Status verdict() const;
  void end(const base::Status& outcome);

  const config::HealthCheck terms_;
  const std::string authority_;
  Done done_;              // null: it is over
  std::string_view body_;  // of the question
  std::string status_;     // of HTTP
  std::string grpc_status_;
  std::string answer_;  // its first bytes
  std::string_view scheme_;
  std::shared_ptr<transport::Http2Link> link_;
};

}  // namespace picket::apps::gateway::upstream
