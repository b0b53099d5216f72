#include "apps/gateway/asking/asked_upstream.hpp"

#include <utility>

#include "apps/gateway/asking/upstream_connection.hpp"

namespace picket::apps::gateway::asking {

using enum base::ErrorKind;

AskedUpstream::AskedUpstream(generation::Service& service, transport::Cancel& cancel, bool to_head,
                             base::Arena& arena) noexcept
    : service_(service),
      arena_(arena),
      to_head_(to_head),
      cancel_(cancel),
      guard_(
          cancel, [](void* self) { static_cast<AskedUpstream*>(self)->reset(exchange::ResetCode::cancelled); }, this) {}

AskedUpstream::~AskedUpstream() = default;

// ---- who is asked

transport::Task<base::Status> AskedUpstream::connect(const exchange::UpstreamTerms& terms,
                                                     exchange::UpstreamListener& listener) {
  end_attempt();
  listener_ = &listener;
  const bool is_first = pool_ == nullptr;
  pool_ = &*service_.upstreams[terms.upstream];
  tried_.key = terms.key;
  const base::Duration whole = terms.request_time.value_or(pool_->timeouts().request);
  if (is_first && whole.count() != 0) tried_.until = base::Deadline::after(service_.worker.now(), whole);
  auto lease = co_await pool_->acquire(tried_, cancel_);
  tell_failures();
  const bool is_ours = !lease && (lease.error().kind() == io || lease.error().kind() == unavailable);
  const bool nobody_failed = is_ours || (!lease && tried_.failures.empty());
  if (nobody_failed && !cancel_.is_requested()) listener.on_upstream_error(pool_->id(), lease.error());
  if (!lease) co_return lease.error();
  lease_.emplace(std::move(*lease));
  begin_attempt();
  co_return base::Status{};
}

void AskedUpstream::begin_attempt() {
  if (!lease_->speaks_http2()) {
    over_http1_.emplace(*lease_, tried_.until, to_head_, *listener_, arena_);
    attempt_ = &*over_http1_;
    return;
  }
  if (!lease_->shared())
    lease_->share([this](upstream::Socket socket) {
      return std::make_shared<UpstreamConnection>(service_.worker, std::move(socket));
    });
  // The pool has no others.
  auto& connection = static_cast<UpstreamConnection&>(*lease_->shared());
  over_http2_.emplace(connection, *lease_, tried_.until, to_head_, *listener_);
  attempt_ = &*over_http2_;
}

void AskedUpstream::end_attempt() noexcept {
  attempt_ = nullptr;
  over_http1_.reset();
  over_http2_.reset();
  lease_.reset();
}

void AskedUpstream::tell_failures() {
  for (; told_ < tried_.failures.size(); ++told_)
    listener_->on_upstream_error(tried_.failures[told_].site->endpoint().text(), tried_.failures[told_].why);
}

bool AskedUpstream::is_untrusted() const noexcept {
  return !tried_.failures.empty() && tried_.failures.back().is_untrusted;
}

/// On a new connection where a pooled one turned out to be stale, to another target where one hung up.
bool AskedUpstream::has_another(const base::Error& error) {
  if (error.kind() == unavailable) return pool_->may_ask_elsewhere(tried_, !over_http2_ || over_http2_->is_opened());
  if (error.kind() == message_too_large || error.kind() == serialization) return false;  // nobody's failure
  if (error.kind() != connection_closed && error.kind() != io) {
    lease_->unanswered();
    return false;
  }
  if (!lease_->reused()) {
    lease_->failed(error, tried_);
  } else if (std::exchange(tried_.pooled_was_stale, true)) {
    return false;
  }
  told_ = tried_.failures.size();
  return pool_->may_ask_again(tried_, lease_->reused());
}

// ---- of the attempt

transport::Task<base::Result<const http::ResponseHead*>> AskedUpstream::answer() {
  const auto head = co_await attempt_->answer();
  if (head) lease_->answered();
  co_return head;
}

/// Where the request goes on beside its answer somebody may still be writing it: the attempt ends with the exchange.
void AskedUpstream::finish() {
  attempt_->finish();
  if (!attempt_->is_duplex()) end_attempt();
}

void AskedUpstream::reset(exchange::ResetCode code) noexcept {
  if (attempt_ != nullptr) attempt_->reset(code);
}

}  // namespace picket::apps::gateway::asking
