#include "apps/gateway/downstream/client_watch.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace picket::apps::gateway::downstream {
namespace {

constexpr base::Duration patience = std::chrono::milliseconds{20};

}  // namespace

ClientWatch::ClientWatch(transport::HangupMonitor& monitor, transport::Stream& client, base::Duration half_closed,
                         std::function<void()> on_gone)
    : client_(client),
      half_closed_(half_closed),
      on_gone_(std::move(on_gone)),
      hangup_(monitor, [this](transport::Hangup hangup) { heard(hangup); }),
      timer_(&ClientWatch::on_due, this) {}

void ClientWatch::start() {
  running_ = true;
  arm();
}

void ClientWatch::start_writing() {
  if (half_closed_ == base::Duration::zero()) start();
}

void ClientWatch::stop() noexcept {
  running_ = false;
  timer_.cancel();
}

void ClientWatch::answer_moves() noexcept {
  if (has_ended() && !was_reset_) gone_at_ = client_.worker().now() + half_closed_;
}

/// Nothing where there is nothing to wait for but the kernel's word.
void ClientWatch::arm() {
  const base::TimePoint now = client_.worker().now();
  auto& timers = client_.worker().timers();
  if (listens_at_ == base::TimePoint{}) listens_at_ = now + patience;
  if (has_ended()) {
    timers.arm(timer_, std::max(gone_at_, now));
  } else if (!hangup_.started()) {
    timers.arm(timer_, std::max(listens_at_, now));
  }
}

void ClientWatch::on_due(void* self, base::TimePoint now) {
  auto& watch = *static_cast<ClientWatch*>(self);
  if (!watch.hangup_.started()) watch.hangup_.start(watch.client_.descriptor());
  if (now >= watch.gone_at_) watch.on_gone_();
}

void ClientWatch::heard(transport::Hangup hangup) {
  const base::TimePoint now = client_.worker().now();
  was_reset_ = was_reset_ || hangup == transport::Hangup::reset;
  gone_at_ = was_reset_ ? now : now + half_closed_;
  if (!running_) return;
  if (now >= gone_at_) return on_gone_();
  arm();
}

}  // namespace picket::apps::gateway::downstream
