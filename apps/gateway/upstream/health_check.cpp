#include "apps/gateway/upstream/health_check.hpp"

#include <charconv>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "picket/transport/tls/layer.hpp"

namespace picket::apps::gateway::upstream {
namespace {

using base::ErrorKind;
using Outcome = transport::Transfer::Outcome;

std::string request_of(const config::HealthCheck& terms, const std::string& authority) {
  if (terms.type != config::HealthCheck::Type::http) return {};
  return fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: picket-health-check\r\nConnection: close\r\n\r\n",
                     terms.path, authority);
}

}  // namespace

CheckAttempt::CheckAttempt(transport::Worker& worker, const transport::Destination& destination,
                           const config::HealthCheck& terms, config::HttpVersion unsaid, Done done)
    : destination_(destination),
      terms_(terms),
      done_(std::move(done)),
      unsaid_(unsaid),
      layer_(destination.layer()),
      tls_layer_(static_cast<const transport::tls::TlsLayer*>(layer_.get())),  // destinations have no others
      channel_(worker, std::move(layer_)),
      time_out_(&CheckAttempt::on_time_out, this),
      request_(request_of(terms, destination.authority())) {}

template <CheckAttempt::Step step>
transport::Waiter CheckAttempt::on() {
  return {[](std::shared_ptr<void>& self, const transport::Completion&) {
            auto& attempt = *static_cast<CheckAttempt*>(self.get());
            if (attempt.done_) (attempt.*step)();
          },
          shared_from_this()};
}

void CheckAttempt::begin() {
  channel_.worker().timers().arm(time_out_, channel_.worker().now() + terms_.timeout);
  const auto step = [](std::shared_ptr<void>& self, const transport::Completion& outcome) {
    auto& attempt = *static_cast<CheckAttempt*>(self.get());
    if (attempt.done_) attempt.connected(outcome.error);
  };
  channel_.connect(destination_.endpoint(), transport::Waiter{step, shared_from_this()});
}

void CheckAttempt::cancel() noexcept {
  done_ = nullptr;
  time_out_.cancel();
  channel_.close();
  if (over_http2_) over_http2_->cancel();
}

void CheckAttempt::connected(int error) {
  if (error != 0) return end(transport::connect_failure(error));
  establish();
}

void CheckAttempt::establish() {
  const transport::Transfer transfer = channel_.establish();
  if (transfer.outcome == Outcome::failed) return fail(transfer);
  if (transfer.outcome == Outcome::blocked) return channel_.wait(transfer.wanted, on<&CheckAttempt::establish>());
  if (terms_.type == config::HealthCheck::Type::tcp) return end({});
  if (speaks_http2()) return ask_over_http2();
  if (request_.empty()) return end(base::fail(ErrorKind::connection_failed, "it does not speak HTTP/2"));
  send();
}

bool CheckAttempt::speaks_http2() const noexcept {
  const bool is_agreed = tls_layer_ != nullptr && tls_layer_->alpn() == transport::tls::http2;
  return is_agreed || unsaid_ == config::HttpVersion::http2;
}

void CheckAttempt::ask_over_http2() {
  transport::Channel channel{channel_.worker(), channel_.unbind()};
  over_http2_ = std::make_shared<Http2Check>(std::move(channel), terms_, destination_.authority(),
                                             [this](const base::Status& outcome) { end(outcome); });
  over_http2_->begin();
}

void CheckAttempt::send() {
  while (sent_ < request_.size()) {
    const iovec rest{request_.data() + sent_, request_.size() - sent_};
    const transport::Transfer transfer = channel_.write_now({&rest, 1});
    if (transfer.outcome == Outcome::failed) return fail(transfer);
    if (transfer.outcome == Outcome::blocked) return channel_.wait(transfer.wanted, on<&CheckAttempt::send>());
    sent_ += transfer.size;
  }
  receive();
}

void CheckAttempt::receive() {
  while (true) {
    const transport::Transfer transfer = channel_.read_now(space_);
    if (transfer.outcome == Outcome::failed) return fail(transfer);
    if (transfer.outcome == Outcome::blocked) return channel_.wait(transfer.wanted, on<&CheckAttempt::receive>());
    answer_.append(space_.data(), transfer.outcome == Outcome::ended ? 0 : transfer.size);
    if (const auto known = verdict(transfer.outcome == Outcome::ended)) return end(*known);
  }
}

/// By the status line alone (RFC 9112 §4), of the first answer that is no interim one: the rest is nobody's. Nothing:
/// it is not there yet.
std::optional<base::Status> CheckAttempt::verdict(bool has_ended) {
  unsigned status = 0;
  while (true) {
    if (answer_.size() < status_line_size && !has_ended) return std::nullopt;
    const bool is_http = answer_.size() >= status_line_size && answer_.starts_with("HTTP/1.") && answer_[8] == ' ' &&
                         (answer_[12] == ' ' || answer_[12] == '\r');
    if (is_http) std::from_chars(answer_.data() + 9, answer_.data() + 12, status);
    if (status < 100 || answer_.size() > largest_interim)
      return base::Status{base::fail(ErrorKind::invalid_message, "no answer of HTTP/1.1")};
    if (status >= 200 || status == 101) break;
    const auto end = answer_.find("\r\n\r\n");
    if (end == std::string::npos && !has_ended) return std::nullopt;
    answer_.erase(0, end == std::string::npos ? end : end + 4);
    status = 0;
  }
  if (status == terms_.expected_status) return base::Status{};
  return base::Status{
      base::fail(ErrorKind::invalid_message, fmt::format("status {} in place of {}", status, terms_.expected_status))};
}

void CheckAttempt::fail(const transport::Transfer& transfer) { end(channel_.failure(transfer)); }

void CheckAttempt::end(const base::Status& outcome) {
  const auto self = shared_from_this();  // whoever is told lets go of it
  const Done done = std::exchange(done_, nullptr);
  cancel();
  done(outcome);
}

void CheckAttempt::on_time_out(void* self, base::TimePoint) {
  static_cast<CheckAttempt*>(self)->end(base::fail(ErrorKind::timeout, "no answer in time"));
}

// ---- again and again

HealthCheck::HealthCheck(transport::Worker& worker, const config::HealthCheck& terms, config::HttpVersion unsaid,
                         SitePtr site, Owner& owner)
    : worker_(worker),
      terms_(terms),
      unsaid_(unsaid),
      site_(std::move(site)),
      owner_(owner),
      next_([](void* self, base::TimePoint) { static_cast<HealthCheck*>(self)->check(); }, this) {
  worker_.timers().arm(next_, worker_.now());
}

HealthCheck::~HealthCheck() {
  if (attempt_) attempt_->cancel();
}

void HealthCheck::check() {
  worker_.timers().arm(next_, worker_.now() + terms_.interval);
  if (attempt_) return;
  attempt_ =
      std::make_shared<CheckAttempt>(worker_, site_->destination, terms_, unsaid_, [this](const base::Status& outcome) {
        attempt_.reset();
        owner_.on_checked(site_, outcome);
      });
  attempt_->begin();
}

}  // namespace picket::apps::gateway::upstream
