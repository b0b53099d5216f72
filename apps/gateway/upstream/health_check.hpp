#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "apps/gateway/config/model.hpp"
#include "apps/gateway/upstream/http2_check.hpp"
#include "apps/gateway/upstream/site.hpp"
#include "picket/base/result.hpp"
#include "picket/base/timer_wheel.hpp"
#include "picket/transport/channel.hpp"
#include "picket/transport/worker.hpp"

namespace picket::transport::tls {
class TlsLayer;
}

namespace picket::apps::gateway::upstream {

/// Asks one site once whether it is well, on a connection of its own: connects, shakes hands where TLS is spoken, and
/// where the check is of HTTP sends a request and reads the status line; over HTTP/2 Http2Check asks.
///
/// Thread safety: its worker's. Lifetime: what is awaited keeps it; cancel() lets go of whoever began it.
class CheckAttempt : public std::enable_shared_from_this<CheckAttempt> {
 public:
  /// Told once what came of it. Errors: connection_failed, timeout, invalid_message, in words for a log.
  using Done = std::function<void(const base::Status&)>;

  /// `unsaid`: what is spoken where nothing is agreed upon.
  CheckAttempt(transport::Worker& worker, const transport::Destination& destination, const config::HealthCheck& terms,
               config::HttpVersion unsaid, Done done);

  void begin();
  /// Nobody wants to know any more.
  void cancel() noexcept;

 private:
  using Step = void (CheckAttempt::*)();

  template <Step step>
  [[nodiscard]] transport::Waiter on();
  void connected(int error);
  void establish();
  [[nodiscard]] bool speaks_http2() const noexcept;
  void ask_over_http2();
  void send();
  void receive();
  [[nodiscard]] std::optional<base::Status> verdict(bool has_ended);
  void fail(const transport::Transfer& transfer);
  void end(const base::Status& outcome);
  static void on_time_out(void* self, base::TimePoint now);

  static constexpr std::size_t status_line_size = 13;  // "HTTP/1.1 200 "
  static constexpr std::size_t largest_interim = 16 * 1024;

  const transport::Destination destination_;
  const config::HealthCheck terms_;
  Done done_;  // null: it is over
  const config::HttpVersion unsaid_;
  std::unique_ptr<transport::Layer> layer_;    // until the channel has it
  const transport::tls::TlsLayer* tls_layer_;  // the channel's; null: in clear
  transport::Channel channel_;
  std::shared_ptr<Http2Check> over_http2_;  // has the channel then
  base::Timer time_out_;
  std::string request_;
  std::size_t sent_ = 0;
  std::string answer_;
  std::array<char, 512> space_;
};

/// Asks one site again and again, and keeps what its health is by that.
/// Thread safety: its worker's. Lifetime: as the site's place among the upstream's; destroying it ends a check that is
/// under way.
class HealthCheck {
 public:
  /// Hears what checks say. Called from the loop; must not destroy the check.
  class Owner {
   public:
    virtual void on_checked(const SitePtr& site, const base::Status& outcome) = 0;

   protected:
    ~Owner() = default;
  };

  /// The first check begins with the next turn.
  HealthCheck(transport::Worker& worker, const config::HealthCheck& terms, config::HttpVersion unsaid, SitePtr site,
              Owner& owner);
  HealthCheck(const HealthCheck&) = delete;
  HealthCheck& operator=(const HealthCheck&) = delete;
  ~HealthCheck();

  [[nodiscard]] const SitePtr& site() const noexcept { return site_; }

 private:
  void check();

  transport::Worker& worker_;
  const config::HealthCheck& terms_;
  const config::HttpVersion unsaid_;
  SitePtr site_;
  Owner& owner_;
  base::Timer next_;
  std::shared_ptr<CheckAttempt> attempt_;  // null: none is under way
};

}  // namespace picket::apps::gateway::upstream
