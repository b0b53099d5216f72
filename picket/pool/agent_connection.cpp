#include "picket/pool/agent_connection.hpp"

#include <algorithm>
#include <utility>

#include "picket/transport/dial.hpp"

namespace picket::pool {
namespace {

// Of what was answered, as the pages of the protocol have it.
constexpr double good_rate = 0.95;
constexpr double fair_rate = 0.80;

}  // namespace

AgentConnection* Pin::now() const noexcept {
  const bool lasts = connection != nullptr && connection->epoch() == epoch && connection->session() != nullptr;
  return lasts ? connection : nullptr;
}

AgentConnection::AgentConnection(const DialTerms& terms, Owner& owner, std::shared_ptr<Site> site, std::uint32_t seed)
    : terms_(terms),
      owner_(owner),
      site_(std::move(site)),
      timer_([](void* self, base::TimePoint) { static_cast<AgentConnection*>(self)->on_timer(); }, this),
      backoff_(terms.reconnect_interval, terms.longest_reconnect_interval, seed) {}

AgentConnection::~AgentConnection() {
  if (link_) link_->close();
}

void AgentConnection::dial() {
  if (!life_.dial()) return;
  timer_.cancel();
  asked_ = false;
  dialled_with_ = terms_.session.get();
  link_ = transport::dial(terms_.worker, site_->destination, terms_.session, terms_.connect_timeout, *this, terms_.tap,
                          terms_.dialect);
}

void AgentConnection::take(reverse::Connection accepted) {
  if (!life_.dial()) return;
  asked_ = false;
  dialled_with_ = terms_.session.get();
  seat_ = std::move(accepted.seat);
  link_ = reverse::serve(terms_.worker, std::move(accepted), terms_.session, *this, terms_.tap);
}

void AgentConnection::replace(const AgentConnection& leaving) {
  if (terms_.worker.now() - leaving.connected_at_ >= terms_.reconnect_interval) return dial();
  retry_after(backoff_.next());
}

void AgentConnection::retry_after(base::Duration pause) {
  if (life_.wait()) terms_.worker.timers().arm(timer_, terms_.worker.now() + pause);
}

Candidate AgentConnection::candidate() const noexcept {
  const auto* const current = session();
  if (life() != ConnectionLife::State::ready || current == nullptr) return {};
  return {.takes_new = current->takes_new(),
          .paused = current->paused(),
          .in_flight = static_cast<std::uint32_t>(current->in_flight()),
          .suspect = current->suspect(),
          .full = current->full()};
}

Candidate AgentConnection::candidate_with_health() const noexcept {
  Candidate candidate = AgentConnection::candidate();
  if (!candidate.takes_new) return candidate;
  const double rate = record_.success_rate(terms_.worker.now());
  candidate.rank = rate > good_rate ? 0 : rate > fair_rate ? 1 : 2;
  constexpr std::uint8_t behind_all_others = 3;
  if (session()->health().state == wire::HealthState::degraded) candidate.rank += behind_all_others;
  candidate.latency = expected_latency(candidate.in_flight);
  return candidate;
}

/// For an event beside those that are in flight here. An agent that has said how much it has to do, for whomever, is as
/// busy as that; one whose latency is not known yet is taken for fast.
double AgentConnection::expected_latency(std::uint32_t in_flight) const noexcept {
  const double mean = std::max(1.0, static_cast<double>(record_.latency().count()));
  const auto& load = session()->health().load;
  if (!load) return mean;
  const double reported = static_cast<double>(load->in_flight) + static_cast<double>(load->queue_depth);
  return mean * std::max(1.0, (reported + 1) / (static_cast<double>(in_flight) + 1));
}

void AgentConnection::on_actions(transport::ProxyLink& link) {
  session::ProxySession& session = *link.session();
  if (life_.open()) connected_at_ = terms_.worker.now();
  hand_on_actions(session);
  if (ending_) {
    session.close(std::move(*std::exchange(ending_, std::nullopt)));
    hand_on_actions(session);
  }
  owner_.on_settled();
}

void AgentConnection::hand_on_actions(session::ProxySession& session) {
  handles_actions_ = true;
  owner_.on_actions(*this, session.actions());
  handles_actions_ = false;
  session.clear_actions();
}

void AgentConnection::on_closed(transport::ProxyLink& link, const base::Error& reason) {
  const bool announced = is_draining() || (is_leaving() && reason.kind() == base::ErrorKind::connection_closed);
  auto refusal = link.opening() != nullptr ? link.opening()->refusal() : std::nullopt;
  const auto speaks = link.opening() != nullptr ? link.opening()->speaks() : std::nullopt;
  // A time-out ends a connection of v1, and is no more the event's doing than any other time-out.
  const bool timed_out = terms_.dialect == session::Dialect::v1 && reason.kind() == base::ErrorKind::timeout;
  const bool was_open = life_.end();
  const bool was_offered = std::exchange(configuration_, Configuration::current) == Configuration::offered;
  link_.reset();
  seat_.reset();
  ++epoch_;
  const base::Duration pause = pause_after(was_open);
  owner_.on_lost(*this, reason,
                 {.was_open = was_open,
                  .was_announced = announced,
                  .was_asked = asked_ && !timed_out,
                  .connected_at = connected_at_,
                  .attempts = backoff_.attempts(),
                  .slow_attempts = backoff_.slow_attempts(),
                  .pause = pause,
                  .refusal = std::move(refusal),
                  .was_offered = was_offered,
                  .speaks = speaks});
}

base::Duration AgentConnection::pause_after(bool was_open) {
  if (!was_open || terms_.worker.now() - connected_at_ < terms_.reconnect_interval) return backoff_.next();
  backoff_.reset();
  return {};
}

void AgentConnection::configure(const std::string& config_json, Configuration as) {
  configuration_ = as;
  if (auto status = session()->configure(config_json); !status) return end(std::move(status.error()));
  flush_later();
}

/// Not while somebody goes through what the session said, which its end is added to.
void AgentConnection::end(base::Error reason) {
  if (handles_actions_) {
    ending_ = std::move(reason);
    return;
  }
  session()->close(std::move(reason));
  flush_later();  // which finds it closed
}

bool AgentConnection::is_outdated() const noexcept { return dialled_with_ != terms_.session.get(); }

void AgentConnection::retire() { session()->retire(); }

void AgentConnection::cancel(const base::CorrelationId& id, wire::CancelReason reason) {
  session()->cancel(id, reason, terms_.worker.now());
  flush_later();
}

bool AgentConnection::complete(const base::CorrelationId& id, const wire::RequestComplete& summary) {
  flush_later();
  return session()->complete(id, summary, terms_.worker.now());
}

void AgentConnection::distrust() {
  if (!is_open()) return;
  session()->distrust(terms_.worker.now());
  flush_later();
}

void AgentConnection::probe() {
  if (!is_open()) return;
  session()->probe(terms_.worker.now());
  flush_later();
}

void AgentConnection::cancel_all(wire::CancelReason reason) {
  if (!is_open()) return;
  session()->cancel_all(reason, base::fail(base::ErrorKind::unavailable, "every exchange was cancelled"),
                        terms_.worker.now());
  flush_later();
}

void AgentConnection::drain() {
  life_.drain();
  if (is_closed()) close();
}

void AgentConnection::leave() {
  drain();
  if (is_draining()) terms_.worker.timers().arm(timer_, terms_.worker.now() + terms_.drain_timeout);
}

void AgentConnection::on_timer() {
  if (is_draining()) return owner_.on_overdue(*this);
  dial();
}

void AgentConnection::move_to(std::shared_ptr<Site> site) {
  life_.reopen();
  timer_.cancel();
  site_ = std::move(site);
  backoff_.reset();
  record_ = {};
}

void AgentConnection::close_if_idle() {
  if (is_draining() && session()->exchanges() == 0) close();
}

void AgentConnection::close() {
  life_.close();
  timer_.cancel();
  configuration_ = Configuration::current;  // nobody is there who could decide
  if (!link_) return;
  const auto link = std::move(link_);
  const auto seat = std::move(seat_);
  ++epoch_;
  if (link->session() != nullptr) {
    // What still waits for an answer fails now, and the agent need not answer it.
    const auto closed = base::fail(base::ErrorKind::connection_closed, "the pool was closed");
    link->session()->cancel_all(wire::CancelReason::proxy_shutdown, closed, terms_.worker.now());
    link->session()->close(closed);
    on_actions(*link);
  }
  link->close();
}

}  // namespace picket::pool
