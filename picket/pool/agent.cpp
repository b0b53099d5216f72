#include "picket/pool/agent.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "picket/base/version.hpp"
#include "picket/wire/codec.hpp"

namespace picket::pool {

using base::ErrorKind;

session::ProxyConfig session_config(const AgentSpec& spec, const Config& config) {
  return {.proxy_version = std::string{version},
          .encodings = spec.encodings,
          .events = spec.events,
          .declared_events_only = spec.declared_events_only,
          .config_json = spec.config_json,
          .handshake_timeout = config.connect_timeout,
          .configure_timeout = std::max<base::Duration>(config.request_timeout, std::chrono::seconds{5}),
          .ping_interval = config.health_check_interval};
}

namespace {

// How long a call waits at most for a suspect agent's pong, counted from the ping. An agent whose loop runs answers
// within its round trip, so that one slow evaluation makes nobody else fail. One that evaluates on its loop and blocks
// it past a time-out is like a dead one until it is heard again.
constexpr base::Duration pong_grace = std::chrono::milliseconds{500};

// An agent that is not there is dialled for a call this often at most, and calls wait that long for it at most.
constexpr base::Duration dial_window = std::chrono::seconds{1};

// What stands in the place of an answer of an agent that was not asked.
const wire::AgentResponse nobodys_allow{};

DialTerms dial_terms(transport::Worker& worker, const transport::Destination& destination, const AgentSpec& spec,
                     const Config& config) {
  const bool looks_are_free = destination.endpoint().is_unix();
  return {.worker = worker,
          .session = std::make_shared<session::ProxyConfig>(session_config(spec, config)),
          .connect_timeout = config.connect_timeout,
          .reconnect_interval = config.reconnect_interval,
          .longest_reconnect_interval = looks_are_free ? config.reconnect_interval : config.max_reconnect_interval,
          .drain_timeout = config.drain_timeout,
          .tap = spec.tap,
          .dialect = spec.dialect.value_or(session::Dialect::v2)};
}

/// Agents of v1 answer without a name: of two events on a connection nobody could tell whose an answer is.
Config fitting(Config config, const AgentSpec& spec) {
  if (spec.dialect == session::Dialect::v1) config.max_concurrent_per_connection = 1;
  return config;
}

}  // namespace

Agent::Agent(transport::Worker& worker, AgentSpec spec, Config config, transport::Destination destination,
             Observer* observer)
    : worker_(worker),
      spec_(std::move(spec)),
      config_(fitting(std::move(config), spec_)),
      destination_(std::move(destination)),
      dial_terms_(dial_terms(worker, destination_, spec_, config_)),
      observer_(observer),
      breaker_(spec_.breaker),
      hedging_(config_.hedge),
      sticky_(config_.sticky_session_timeout, config_.max_sticky_sessions),
      wants_reports_(std::ranges::find(spec_.events, wire::EventKind::request_complete) != spec_.events.end()),
      most_in_flight_(spec_.max_concurrent_calls),
      decision_timer_([](void* self, base::TimePoint) { static_cast<Agent*>(self)->silent_too_long(); }, this),
      restart_timer_([](void* self, base::TimePoint) { static_cast<Agent*>(self)->end_restart(); }, this),
      drain_timer_([](void* self, base::TimePoint) { static_cast<Agent*>(self)->close_now(); }, this) {
  selection_.random = some_number() | 1;
  const transport::Endpoint& endpoint = destination_.endpoint();
  if (endpoint.is_name()) {
    transport::dns::Watch::Owner& owner = *this;
    watch_.emplace(worker_, transport::dns::Options{.servers = spec_.resolvers}, endpoint, owner);
    return;
  }
  sites_.push_back(std::make_shared<Site>(destination_));
  metrics_.addresses.set(1);
  if (spec_.is_dialled()) connect_to(sites_.front());
}

base::Result<std::unique_ptr<Agent>> Agent::make(transport::Worker& worker, const AgentSpec& spec, const Config& config,
                                                 Observer* observer) {
  auto endpoint = spec.is_dialled() ? transport::Endpoint::parse(
                                          spec.endpoint,
                                          spec.insecure ? transport::ClearText::allowed : transport::ClearText::refused,
                                          transport::Hosts::names_too)
                                    : base::Result<transport::Endpoint>{transport::Endpoint{}};
  if (!endpoint)
    return base::fail(endpoint.error().kind(), fmt::format("agent '{}': {}", spec.id, endpoint.error().detail()));
  if (spec.tap != nullptr && endpoint->carrier() == transport::Carrier::grpc)
    return base::fail(ErrorKind::connection_failed,
                      fmt::format("agent '{}': what is said over gRPC cannot be recorded; frames can: use an address "
                                  "unix:PATH, tls:IP:PORT or tcp:IP:PORT of the agent",
                                  spec.id));
  if (spec.dialect && *spec.dialect != session::Dialect::v2 && endpoint->carrier() == transport::Carrier::grpc)
    return base::fail(ErrorKind::connection_failed,
                      fmt::format("agent '{}': over gRPC there is no dialect {}: use an address unix:PATH, tls:IP:PORT "
                                  "or tcp:IP:PORT of the agent, or no dialect",
                                  spec.id, name(*spec.dialect)));
  auto destination = transport::Destination::make(std::move(*endpoint), spec.tls);
  if (!destination)
    return base::fail(destination.error().kind(), fmt::format("agent '{}': {}", spec.id, destination.error().detail()));
  const Config& chosen = spec.config.value_or(config);
  for (const auto& problem : {spec.problem(), chosen.problem()})
    if (problem) return base::fail(ErrorKind::connection_failed, fmt::format("agent '{}': {}", spec.id, *problem));
  if (spec.config_json) {
    base::Arena arena;
    if (auto parsed = wire::parse_json(*spec.config_json, arena); !parsed)
      return base::fail(ErrorKind::invalid_message,
                        fmt::format("agent '{}': its configuration: {}", spec.id, parsed.error().detail()));
  }
  return std::unique_ptr<Agent>{new Agent{worker, spec, chosen, std::move(*destination), observer}};
}

Agent::~Agent() { close_now(); }

void Agent::start(Call& call) {
  metrics_.calls.add();
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
  if (draining_ && exchange.place_.connection == nullptr) {
    refuse(call, ErrorKind::unavailable, "the pool is draining");
    return std::nullopt;
  }
  if (in_flight_ >= most_in_flight_)
    return MustWait{base::fail(ErrorKind::timeout, "no place became free in time"), call.deadline_.at()};
  if (exchange.place_.connection == nullptr) return pin(call);
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

Candidate Agent::candidate(const AgentConnection& connection) const noexcept {
  const bool by_health = config_.load_balance_strategy == LoadBalanceStrategy::health_based;
  return by_health ? connection.candidate_with_health() : connection.candidate();
}

Selection Agent::select_among(bool with_those_that_lack_kinds) {
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    const bool counts = with_those_that_lack_kinds || connections_[i]->takes_every_kind();
    candidates_[i] = counts ? candidate(*connections_[i]) : Candidate{};
  }
  if (are_ranked_) [[unlikely]] {
    for (std::size_t i = 0; i < connections_.size(); ++i)
      candidates_[i].standing = {.priority = connections_[i]->site().priority,
                                 .weight = connections_[i]->site().weight};
    return select_by_standing(candidates_, config_.max_concurrent_per_connection, selection_);
  }
  return select(candidates_, config_.load_balance_strategy, config_.max_concurrent_per_connection, selection_);
}

Selection Agent::select_kept(const Exchange& exchange) {
  const auto place = sticky_.find(exchange.sticky_key_, worker_.now());
  if (!place) return {};
  const auto kept = std::ranges::find(connections_, place->connection, &std::unique_ptr<AgentConnection>::get);
  if (kept == connections_.end() || (*kept)->epoch() != place->epoch) return {};
  if (exchange.demand_ == Demand::every_kind && !(*kept)->takes_every_kind()) return {};
  const Candidate only = (*kept)->candidate();
  SelectionState nobodys;
  Selection selection =
      select({&only, 1}, LoadBalanceStrategy::round_robin, config_.max_concurrent_per_connection, nobodys);
  if (selection.index) selection.index = static_cast<std::size_t>(kept - connections_.begin());
  return selection;
}

Selection Agent::select_for(const Exchange& exchange) {
  if (exchange.sticky_key_.empty()) return select_connection(exchange.demand_);
  const Selection kept = select_kept(exchange);
  if (kept.index || kept.failure != SelectionFailure::none_ready) return kept;
  return select_connection(exchange.demand_);
}

Selection Agent::select_connection(Demand demand) {
  const Selection complete = select_among(false);
  const bool none = !complete.index && complete.failure == SelectionFailure::none_ready;
  return none && demand == Demand::declared ? select_among(true) : complete;
}

std::string Agent::why_none_is_ready(Demand demand) const {
  const auto lacks_kinds = [](const auto& connection) {
    return connection->is_open() && !connection->takes_every_kind();
  };
  if (demand == Demand::every_kind && std::ranges::any_of(connections_, lacks_kinds))
    return "the agent does not take every kind of event that is configured";
  const std::string_view what = spec_.is_dialled() ? "no connection is ready" : "the agent has not dialled in";
  return last_error_ ? fmt::format("{}; the last one: {}", what, last_error_->message()) : std::string{what};
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
    (*idle)->dial();
  }
  const base::TimePoint until = std::min(call.deadline_.at(), dialled_at_ + dial_window);
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
  exchange.place_ = {.connection = &connection, .epoch = connection.epoch()};
  if (!exchange.sticky_key_.empty())
    sticky_.put(exchange.sticky_key_, {.connection = &connection, .epoch = connection.epoch()}, worker_.now());
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
    call.finish(&nobodys_allow, Breaker::Outcome::neutral);
    return;
  }
  if (call.exchange_.second_.connection != nullptr) withdraw_second(call.exchange_);
  if (const float patience = session.health().timeout_multiplier; patience > 1) [[unlikely]]
    call.deadline_ = stretched(call, patience);
  auto status = session.send(call.exchange_.id(), call.event_, call.deadline_, call.tag(), worker_.now());
  if (!status) {
    // An agent that does not read is a failing one; a message that is too large says nothing of it.
    const bool blames_agent = status.error().kind() == ErrorKind::unavailable;
    call.finish(std::move(status.error()), blames_agent ? Breaker::Outcome::failure : Breaker::Outcome::neutral);
    return;
  }
  call.state_ = Call::State::in_flight;
  call.copies_ = 1;
  metrics_.in_flight.set(++in_flight_);
  connection.asked();
  if (hedging_) watch(call);
}

void Agent::watch(Call& call) {
  hedging_->asked();
  if (const auto delay = hedging_->delay(metrics_.latency, worker_.now()))
    worker_.timers().arm(call.timer_, worker_.now() + *delay);
}

void Agent::hedge(Call& call) {
  Exchange& exchange = call.exchange_;
  // A cancel is for all of an exchange, so the other copy of one event can be withdrawn only where there is no other.
  if (exchange.second_.connection != nullptr || exchange.pending_ != &call || call.next_of_exchange_ != nullptr) return;
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    const bool is_asked = connections_[i].get() == exchange.place_.connection;
    candidates_[i] = is_asked ? Candidate{} : connections_[i]->candidate();
  }
  const Selection selection =
      select(candidates_, LoadBalanceStrategy::least_connections, config_.max_concurrent_per_connection, selection_);
  if (!selection.index || !connections_[*selection.index]->session()->takes(call.kind_) || !hedging_->take()) return;
  AgentConnection& second = *connections_[*selection.index];
  if (!second.session()->send(exchange.id(), call.event_, call.deadline_, call.tag(), worker_.now())) return;
  exchange.second_ = {.connection = &second, .epoch = second.epoch()};
  call.copies_ = 2;
  metrics_.hedges.add();
  second.asked();
}

/// The first answer counts: the other copy is withdrawn, and what follows goes where it was answered.
void Agent::settle_hedge(Call& call, const AgentConnection& answered) {
  Exchange& exchange = call.exchange_;
  const bool is_second = &answered == exchange.second_.now();
  AgentConnection* const other = is_second ? exchange.pinned() : exchange.second_.now();
  if (call.copies_ == 2 && other != nullptr) other->cancel(exchange.id(), wire::CancelReason::manual);
  if (!is_second) return;
  metrics_.hedges_answered.add();
  std::swap(exchange.place_, exchange.second_);
}

/// Another event begins beside one that was asked twice: from here on there is one connection that an answer may
/// cancel.
void Agent::withdraw_second(Exchange& exchange) {
  for (Call* call = exchange.pending_; call != nullptr; call = call->next_of_exchange_) {
    AgentConnection* const second = exchange.second_.now();
    if (call->copies_ != 2 || second == nullptr) continue;
    call->copies_ = 1;
    second->cancel(exchange.id(), wire::CancelReason::manual);
  }
}

/// A degraded agent has asked for more time, which session::Health bounds.
base::Deadline Agent::stretched(const Call& call, float patience) noexcept {
  if (call.deadline_.never()) return call.deadline_;
  const std::chrono::duration<double, base::Duration::period> budget = call.deadline_.at() - call.started_;
  return base::Deadline::after(call.started_, std::chrono::duration_cast<base::Duration>(budget * patience));
}

void Agent::report(const base::CorrelationId& id, const wire::RequestComplete& summary) {
  if (!wants_reports_) return;
  const Selection selection = select_connection(Demand::declared);
  // One that takes no new exchange, since either side drains, takes the end of this one.
  const auto connection = selection.index ? connections_.begin() + static_cast<std::ptrdiff_t>(*selection.index)
                                          : std::ranges::find_if(connections_, &AgentConnection::is_open);
  if (connection == connections_.end() || (*connection)->session() == nullptr) return;
  (*connection)->session()->report(id, summary, worker_.now());
  (*connection)->flush_later();
}

void Agent::exchange_over() {
  --exchanges_;
  if (!to_restart_.empty()) restart_next();
  if (draining_ || some_leave_) close_idle();
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
    call.finish(std::move(error), Breaker::Outcome::neutral);
    return std::nullopt;
  }
  return MustWait{std::move(error), std::min(call.deadline_.at(), call.started_ + config_.flow_control_wait_timeout)};
}

std::optional<Agent::MustWait> Agent::suspect(Call& call, base::TimePoint since) {
  // An agent that was silent was pinged after half of the time that the event had: it has had that long to answer.
  const base::TimePoint until = since + std::min<base::Duration>(pong_grace, (call.deadline_.at() - call.started_) / 2);
  auto error = base::fail(ErrorKind::unavailable, "the agent let an event time out and has answered no ping since");
  if (worker_.now() < until) return MustWait{std::move(error), std::min(call.deadline_.at(), until)};
  call.finish(std::move(error), Breaker::Outcome::neutral);
  return std::nullopt;
}

void Agent::refuse(Call& call, ErrorKind kind, std::string detail) {
  call.finish(base::fail(kind, std::move(detail)), Breaker::Outcome::neutral);
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
  if (exchange.place_.connection != nullptr) return false;
  const SelectionState before = selection_;  // nobody is picked yet
  const Selection selection = select_for(exchange);
  selection_ = before;
  return !selection.index && selection.failure == SelectionFailure::all_full;
}

void Agent::finished(Call& call, Breaker::Outcome outcome) {
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

// ---- waiting for the first connection

Agent::WaitReady::WaitReady(Agent& agent, base::Deadline deadline) noexcept
    : agent_(agent), deadline_(deadline), timer_(&WaitReady::on_deadline, this) {}

Agent::WaitReady::~WaitReady() { agent_.ready_waiters_.remove(*this); }

void Agent::WaitReady::await_suspend(std::coroutine_handle<> waiter) {
  waiter_.wait(waiter);
  agent_.ready_waiters_.push_back(*this);
  if (!deadline_.never()) agent_.worker_.timers().arm(timer_, deadline_.at());
}

void Agent::WaitReady::on_deadline(void* self, base::TimePoint) {
  auto& waiter = *static_cast<WaitReady*>(self);
  waiter.agent_.worker_.resume(waiter.waiter_);
}

base::Status Agent::WaitReady::await_resume() const {
  if (agent_.ready_connections() != 0) return {};
  return base::fail(ErrorKind::timeout,
                    fmt::format("agent '{}' is not ready{}", agent_.id(),
                                agent_.last_error_ ? ": " + agent_.last_error_->message() : std::string{}));
}

}  // namespace picket::pool
