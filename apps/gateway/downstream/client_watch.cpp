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

void ClientWatch::stop() noexcept {
  running_ = false;
  timer_.cancel();
}

/// Nothing where there is nothing to wait for but the kernel's word.
void ClientWatch::arm() {
  const base::TimePoint now = client_.worker().now();
  auto& timers = client_.worker().timers();
  if (has_ended() && !answering_) {
    timers.arm(timer_, std::max(gone_at_, now));
  } else if (!hangup_.started()) {
    timers.arm(timer_, now + patience);
  }
}

void ClientWatch::on_due(void* self, base::TimePoint now) {
  auto& watch = *static_cast<ClientWatch*>(self);
  if (!watch.hangup_.started()) watch.hangup_.start(watch.client_.descriptor());
  if (now >= watch.gone_at_) watch.on_gone_();
}

void ClientWatch::heard(transport::Hangup hangup) {
  const base::TimePoint now = client_.worker().now();
  if (hangup == transport::Hangup::reset) {
    answering_ = false;  // nobody reads an answer
    gone_at_ = now;
  } else {
    gone_at_ = now + half_closed_;
  }
  if (!running_ || answering_) return;
  if (now >= gone_at_) return on_gone_();
  arm();
}

}  // namespace picket::apps::gateway::downstream
