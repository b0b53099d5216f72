#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "picket/pool/agent.hpp"

/// Of an agent what concerns calls: from where one is made until it ends.
namespace picket::pool {
namespace {

using base::ErrorKind;

// How long a call waits at most for a suspect agent's pong, counted from the ping. An agent whose loop runs answers
// within its round trip, so that one slow evaluation makes nobody else fail. One that evaluates on its loop and blocks
// it past a time-out is like a dead one until it is heard again.
constexpr base::Duration pong_grace = std::chrono::milliseconds{500};

// An agent that is not there is dialled for a call this often at most. That long calls wait for it, once in each
// outage: one that has come back is asked in place of failing, and one whose network swallows packets holds nobody up
// for long.
constexpr base::Duration dial_window = std::chrono::seconds{1};

// What stands in the place of an answer of an agent that was not asked.
const wire::AgentResponse nobodys_allow{};

}  // namespace

void Agent::start(Call& call) {
  metrics_.calls.add();
  call.next_of_exchange_ = std::exchange(call.exchange_.pending_, &call);
  call.started_ = worker_.now();
  if (call.deadline_.never()) call.deadline_ = base::Deadline::after(call.started_, config_.request_timeout);
  if (call.exchange_.completed_) return refuse(call, ErrorKind::unavailable, "the exchange is over");
  if (auto terms = try_start(call)) wait(call, std::move(*terms));
}

std::optional<Agent::MustWait> Agent::try_start(Call& call) {
  Exchange& exchange = call.exchange_;
  if (call.deadline_.passed(worker_.now())) {
    refuse(call, ErrorKind::timeout, "the deadline passed before the event was sent");
    return std::nullopt;
  }
  if (draining_ && exchange.pin_.connection == nullptr) {
    refuse(call, ErrorKind::unavailable, "the pool is draining");
    return std::nullopt;
  }
  if (in_flight_ >= most_in_flight_)
    return MustWait{base::fail(ErrorKind::timeout, "no place became free in time"), call.deadline_.at()};
  if (exchange.pin_.connection == nullptr) return pin(call);
  AgentConnection* const connection = exchange.pinned();
  if (connection == nullptr) {
    refuse(call, ErrorKind::connection_closed, "the connection that the exchange began on is gone");
    return std::nullopt;
  }
  if (connection->session()->suspect()) return suspect(call, connection->session()->suspect_since());
  if (connection->session()->paused()) return paused(call);
  if (connection->session()->full())
    return MustWait{base::fail(ErrorKind::timeout, "the agent did not read in time"), call.deadline_.at()};
  call.permit_ = Breaker::Permit::normal;
  send(call, *connection);
  return std::nullopt;
}

std::optional<Agent::MustWait> Agent::dial_for(const Call& call) {
  if (!spec_.is_dialled() || destination_.endpoint().is_unix() || draining_)
    return std::nullopt;  // of a Unix socket the next try is never far
  const base::TimePoint now = worker_.now();
  const bool is_due = now - dialled_at_ >= dial_window;
  for (const auto& site : sites_) {
    const auto idle = std::ranges::find_if(connections_, [&](const auto& connection) {
      return &connection->site() == site.get() && connection->is_waiting();
    });
    if (!is_due || idle == connections_.end()) continue;
    dialled_at_ = now;
    if (calls_wait_until_ == base::TimePoint{}) calls_wait_until_ = now + dial_window;
    (*idle)->dial();
  }
  const base::TimePoint until = std::min(call.deadline_.at(), calls_wait_until_);
  if (now >= until || std::ranges::none_of(connections_, &AgentConnection::is_connecting)) return std::nullopt;
  return MustWait{base::fail(ErrorKind::unavailable, "the agent could not be connected to in time"), until};
}

std::optional<Agent::MustWait> Agent::pin(Call& call) {
  const Demand demand = call.exchange_.demand_;
  const Selection selection = select_for(call.exchange_);
  if (!selection.index && selection.failure == SelectionFailure::none_ready) {
    if (auto terms = dial_for(call)) return terms;
    refuse(call, ErrorKind::unavailable, why_none_is_ready(demand));
    return std::nullopt;
  }
  if (!selection.index && selection.failure == SelectionFailure::all_suspect) return suspect(call, last_suspicion());
  if (!selection.index && selection.failure == SelectionFailure::all_paused) return paused(call);
  if (!selection.index)
    return MustWait{base::fail(ErrorKind::timeout, "no place became free in time"), call.deadline_.at()};

  call.permit_ = breaker_.acquire(worker_.now());
  note_breaker();
  if (call.permit_ == Breaker::Permit::none) {
    metrics_.breaker_refusals.add();
    refuse(call, ErrorKind::circuit_open, {});
    return std::nullopt;
  }
  AgentConnection& connection = *connections_[*selection.index];
  Exchange& exchange = call.exchange_;
  exchange.pin_ = connection.pin();
  if (!exchange.sticky_key_.empty()) sticky_.put(exchange.sticky_key_, exchange.pin_, worker_.now());
  send(call, connection);
  return std::nullopt;
}

void Agent::send(Call& call, AgentConnection& connection) {
  session::ProxySession& session = *connection.session();
  if (session.is_off(call.kind_) && call.exchange_.demand_ == Demand::every_kind)
    return refuse(call, ErrorKind::unavailable, "the agent has switched events of this kind off");
  if (!session.takes(call.kind_)) {
    metrics_.skipped.add();
    call.unsent_ = Call::Unsent::skipped;
    finish(call, &nobodys_allow, Breaker::Outcome::neutral);
    return;
  }
  if (call.exchange_.second_.connection != nullptr) withdraw_second(call.exchange_);
  if (const float patience = session.health().timeout_multiplier; patience > 1) [[unlikely]]
    call.deadline_ = stretched(call, patience);
  const bool is_timed = metrics_.calls.value() % AgentMetrics::events_per_timing == 0;
  const base::TimePoint begun = is_timed ? base::Clock::now() : base::TimePoint{};
  auto status = session.send(call.exchange_.id(), call.event_, call.deadline_, call.tag(), worker_.now());
  if (is_timed) metrics_.serialization.record(base::Clock::now() - begun);
  if (!status) {
    // An agent that does not read is a failing one; a message that is too large says nothing of it.
    const bool blames_agent = status.error().kind() == ErrorKind::unavailable;
    finish(call, std::move(status.error()), blames_agent ? Breaker::Outcome::failure : Breaker::Outcome::neutral);
    return;
  }
  call.state_ = Call::State::in_flight;
  call.copies_ = 1;
  metrics_.in_flight.set(++in_flight_);
  connection.asked();
  if (hedging_) watch(call);
}

/// A degraded agent has asked for more time, which session::Health bounds.
base::Deadline Agent::stretched(const Call& call, float patience) noexcept {
  if (call.deadline_.never()) return call.deadline_;
  const std::chrono::duration<double, base::Duration::period> budget = call.deadline_.at() - call.started_;
  return base::Deadline::after(call.started_, std::chrono::duration_cast<base::Duration>(budget * patience));
}

void Agent::abandon(Exchange& exchange) {
  while (exchange.pending_ != nullptr) {
    Call& call = *exchange.pending_;
    stop_waiting(call);
    refuse(call, ErrorKind::unavailable, "the exchange was cancelled");
  }
  on_settled();
}

void Agent::look_who_waits() {
  wait_for_more_.each([](WaitingQueue::Place& place) { static_cast<Exchange::MoreWanted&>(place).look(); });
}

std::optional<Agent::MustWait> Agent::paused(Call& call) {
  auto error = base::fail(ErrorKind::flow_control_paused, "the agent asked for a pause");
  if (config_.flow_control_mode != FlowControlMode::wait_and_retry) {
    finish(call, std::move(error), Breaker::Outcome::neutral);
    return std::nullopt;
  }
  return MustWait{std::move(error), std::min(call.deadline_.at(), call.started_ + config_.flow_control_wait_timeout)};
}

std::optional<Agent::MustWait> Agent::suspect(Call& call, base::TimePoint since) {
  // An agent that was silent was pinged after half of the time that the event had: it has had that long to answer.
  const base::TimePoint until = since + std::min<base::Duration>(pong_grace, (call.deadline_.at() - call.started_) / 2);
  auto error = base::fail(ErrorKind::unavailable, "the agent let an event time out and has answered no ping since");
  if (worker_.now() < until) return MustWait{std::move(error), std::min(call.deadline_.at(), until)};
  finish(call, std::move(error), Breaker::Outcome::neutral);
  return std::nullopt;
}

void Agent::refuse(Call& call, ErrorKind kind, std::string detail) {
  finish(call, base::fail(kind, std::move(detail)), Breaker::Outcome::neutral);
}

void Agent::wait(Call& call, MustWait terms) {
  if (waiting_.size() >= config_.channel_buffer_size) {
    call.unsent_ = Call::Unsent::overloaded;
    return refuse(call, ErrorKind::unavailable, fmt::format("{} calls already wait for the agent", waiting_.size()));
  }
  call.waiting_for_ = std::move(terms.expires_with);
  worker_.timers().arm(call.timer_, terms.until);
  waiting_.push_back(call);
  metrics_.waiting.set(waiting_.size());
}

void Agent::stop_waiting(Call& call) noexcept {
  if (!waiting_.remove(call)) return;
  call.timer_.cancel();
  metrics_.waiting.set(waiting_.size());
}

void Agent::pump() {
  // Each waiting call is looked at once: who must wait on goes to the end. Where no place is free none is looked at, so
  // that each keeps his in the queue; a draining agent turns them all away.
  for (std::uint32_t left = waiting_.size(); left != 0 && !waiting_.empty(); --left) {
    if (is_full()) break;
    Call& call = first_waiting();
    stop_waiting(call);
    if (auto terms = try_start(call)) wait(call, std::move(*terms));
  }
}

bool Agent::is_full() {
  if (draining_) return false;
  if (in_flight_ >= most_in_flight_) return true;
  const Exchange& exchange = first_waiting().exchange_;
  if (exchange.pin_.connection != nullptr) return false;
  const SelectionState before = selection_;  // nobody is picked yet
  const Selection selection = select_for(exchange);
  selection_ = before;
  return !selection.index && selection.failure == SelectionFailure::all_full;
}

void Agent::on_due(Call& call) {
  if (call.state_ == Call::State::in_flight) return hedge(call);
  stop_waiting(call);
  finish(call, call.waiting_for_, Breaker::Outcome::neutral);
  pump();  // who waits behind it may want another place than it did
}

void Agent::finish(Call& call, Answer result, Breaker::Outcome outcome) {
  call.result_ = std::move(result);
  Call** link = &call.exchange_.pending_;
  while (*link != &call) link = &(*link)->next_of_exchange_;
  *link = call.next_of_exchange_;
  note_end(call, outcome);
  if (call.ended_ != nullptr) ++call.ended_->count;
  worker_.resume(call.ended_ != nullptr ? call.ended_->waiter : call.waiter_);
}

void Agent::note_end(Call& call, Breaker::Outcome outcome) {
  if (call.state_ == Call::State::in_flight) metrics_.in_flight.set(--in_flight_);
  call.state_ = Call::State::done;
  call.timer_.cancel();
  breaker_.finish(std::exchange(call.permit_, Breaker::Permit::none), outcome, worker_.now());
  note_breaker();
  if (call.skipped()) return;
  if (call.result_) {
    crashes_.answered();
    metrics_.answered.add();
    metrics_.latency.record(worker_.now() - call.started_);
  } else {
    metrics_.failed(call.result_.error().kind());
  }
}

}  // namespace picket::pool
