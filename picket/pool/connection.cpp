#include "picket/base/overloaded.hpp"
#include "picket/pool/agent.hpp"
#include "picket/pool/exchange.hpp"
#include "picket/session/handshake.hpp"
#include "picket/transport/frame_link.hpp"

namespace picket::pool {

Connection::Connection(Agent& agent, std::uint32_t seed)
    : agent_(agent),
      retry_(&Connection::on_retry, this),
      backoff_(agent.config().reconnect_interval,
               agent.endpoint_.is_unix() ? agent.config().reconnect_interval : agent.config().max_reconnect_interval,
               seed) {}

Connection::~Connection() {
  if (link_) link_->close();
}

void Connection::connect() {
  if (draining_ || link_) return;
  retry_.cancel();
  asked_ = false;
  link_ = transport::FrameLink<session::ProxySession>::dial(
      transport::Channel{agent_.worker_}, agent_.endpoint_,
      std::make_unique<session::ProxyHandshake>(agent_.session_config_), agent_.config_.connect_timeout, *this,
      agent_.spec_.tap);
}

void Connection::replace(const Connection& leaving) {
  const base::TimePoint now = agent_.worker_.now();
  if (now - leaving.connected_at_ >= agent_.config_.reconnect_interval) return connect();
  agent_.worker_.timers().arm(retry_, now + backoff_.next());
}

void Connection::on_retry(void* self, base::TimePoint) { static_cast<Connection*>(self)->connect(); }

Candidate Connection::candidate() const noexcept {
  const auto* const current = session();
  if (!ready_ || draining_ || current == nullptr) return {};
  return {.takes_new = current->takes_new(),
          .paused = current->paused(),
          .in_flight = static_cast<std::uint32_t>(current->in_flight()),
          .suspect = current->suspect(),
          .full = current->full()};
}

void Connection::on_actions(transport::ProxyLink& link) {
  auto& session = *link.session();
  for (auto& action : session.actions()) handle(session, action);
  session.clear_actions();
  agent_.pump();  // places became free, or the connection takes events again
}

void Connection::handle(session::ProxySession& session, session::ProxyAction& action) {
  const auto observe = [&](auto&& call) {
    if (agent_.observer_ != nullptr) call(*agent_.observer_);
  };
  std::visit(
      base::Overloaded{
          [&](session::Ready&) { on_session_ready(); },
          [&](session::Answered& answered) {
            Call& call = Call::of(answered.tag);
            call.finish(wire::copy_into(*answered.response, call.exchange_.arena_), Breaker::Outcome::success);
          },
          // One dead connection is one failure, however many calls it takes along: that is counted in on_closed().
          [&](session::Failed& failed) {
            if (failed.error.kind() == base::ErrorKind::timeout && session.suspect()) agent_.doubt();
            Call::of(failed.tag).finish(std::move(failed.error), Breaker::Outcome::neutral);
          },
          [](session::FlowChanged&) {},
          [](session::Trusted&) {},
          [&](session::Probed&) { agent_.probe(); },
          [&](session::HealthChanged& health) {
            observe([&](Observer& observer) { observer.on_health(agent_.id(), health.state); });
            if (health.state == wire::HealthState::draining) agent_.replace(*this);
          },
          [&](session::MetricsReported& reported) {
            observe([&](Observer& observer) { observer.on_metrics(agent_.id(), *reported.report); });
          },
          [&](session::ConfigUpdateRequested& requested) {
            observe([&](Observer& observer) { observer.on_config_update(agent_.id(), *requested.request); });
          },
          [](session::Closed&) {},  // on_closed() follows
          [&](session::Dropped&) { agent_.metrics_.responses_dropped.add(); },
          [&](session::Unmatched& answer) {
            observe([&](Observer& observer) { observer.on_unmatched_answer(agent_.id(), answer.misfit, answer.said); });
          },
      },
      action);
}

void Connection::on_session_ready() {
  if (!link_) return;
  ready_ = true;
  takes_every_kind_ = !session()->means_its_list() || session()->undeclared().empty();
  connected_at_ = agent_.worker_.now();
  agent_.on_ready(*this);
}

void Connection::on_closed(transport::ProxyLink& link, const base::Error& reason) {
  agent_.refusal_ = link.opening() != nullptr ? link.opening()->refusal() : std::nullopt;
  const bool drained = link.session() != nullptr && link.session()->health() == wire::HealthState::draining;
  lost(reason, drained && reason.kind() == base::ErrorKind::connection_closed);
}

void Connection::lost(const base::Error& reason, bool was_announced) {
  const base::TimePoint now = agent_.worker_.now();
  const bool was_ready = std::exchange(ready_, false);
  link_.reset();
  ++epoch_;
  // A connection that served for a while is replaced at once; one that ends soon after its start is not to be retried
  // in a tight loop.
  base::Duration pause{};
  if (was_ready && now - connected_at_ >= agent_.config_.reconnect_interval) {
    backoff_.reset();
  } else {
    pause = backoff_.next();
  }
  agent_.on_lost(reason, {.was_ready = was_ready,
                          .was_announced = was_announced,
                          .was_asked = asked_,
                          .connected_at = connected_at_,
                          .attempts = backoff_.attempts(),
                          .slow_attempts = backoff_.slow_attempts()});
  if (!draining_ && agent_.lacks_connections()) agent_.worker_.timers().arm(retry_, now + pause);
}

void Connection::doubt() {
  if (!ready_ || session() == nullptr) return;
  session()->doubt(agent_.worker_.now());
  touch();
}

void Connection::probe() {
  if (!ready_ || session() == nullptr) return;
  session()->probe(agent_.worker_.now());
  touch();
}

void Connection::drain() {
  draining_ = true;
  retry_.cancel();
  if (link_ && (!ready_ || session() == nullptr)) close_now();
  on_exchange_over();
}

void Connection::on_exchange_over() {
  if (draining_ && link_ && session() != nullptr && session()->exchanges() == 0 && !agent_.awaits_reports())
    close_now();
}

void Connection::close_now() {
  draining_ = true;
  retry_.cancel();
  if (!link_) return;
  const auto link = std::move(link_);
  ++epoch_;
  if (std::exchange(ready_, false)) agent_.metrics_.connections_ready.add(-1);
  if (link->session() != nullptr) {
    // What still waits for an answer fails now.
    link->session()->close(base::fail(base::ErrorKind::connection_closed, "the pool was closed"));
    on_actions(*link);
  }
  link->close();
}

}  // namespace picket::pool
