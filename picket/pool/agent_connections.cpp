#include <algorithm>
#include <new>
#include <utility>

#include <fmt/format.h>

#include "picket/base/overloaded.hpp"
#include "picket/pool/agent.hpp"
#include "picket/wire/copy.hpp"

/// Of an agent what concerns its connections: what comes on them, and which there are.
namespace picket::pool {
namespace {

// Of an agent that is back, and goes, and is back, the other connections are not dialled out of turn more often.
constexpr base::Duration rally_window = std::chrono::seconds{1};

// An agent that drains whatever is dialled is not given connections without end.
constexpr std::size_t connections_per_slot = 2;

}  // namespace

const session::AgentInfo* Agent::info() const noexcept {
  const auto found = std::ranges::find_if(connections_, &AgentConnection::is_open);
  return found != connections_.end() ? &(*found)->session()->agent() : nullptr;
}

void Agent::on_actions(AgentConnection& connection, std::span<session::ProxyAction> actions) {
  for (auto& action : actions) handle(connection, action);
}

void Agent::handle(AgentConnection& connection, session::ProxyAction& action) {
  std::visit(base::Overloaded{
                 [&](session::Ready&) { on_ready(connection); },
                 [&](session::Answered& answer) { answered(connection, answer); },
                 [&](session::Failed& failure) { failed(connection, failure); }, [](session::FlowChanged&) {},
                 [](session::ExchangePaused&) {},  // on_settled() looks who waits for that
                 [](session::Trusted&) {}, [&](session::Probed&) { probe(connection.site()); },
                 [&](session::HealthChanged& change) { on_health(connection, change); },
                 [&](session::MetricsReported& reported) {
                   if (observer_ != nullptr) observer_->on_metrics(id(), *reported.report);
                 },
                 [&](session::ConfigUpdateRequested& requested) { on_config_update(connection, *requested.request); },
                 [&](session::Configured& outcome) { on_configured(connection, outcome); },
                 [&](session::Logged& logged) {
                   if (observer_ != nullptr) observer_->on_log(id(), *logged.line);
                 },
                 [](session::Closed&) {},  // on_lost() follows
                 [&](session::Dropped&) { metrics_.responses_dropped.add(); },
                 [&](session::Unmatched& answer) {
                   if (observer_ != nullptr) observer_->on_unmatched_answer(id(), answer.misfit, answer.said);
                 }},
             action);
}

void Agent::on_settled() {
  pump();
  look_who_waits();
}

void Agent::answered(AgentConnection& connection, const session::Answered& answer) {
  Call& call = Call::of(answer.tag);
  connection.note_answer(worker_.now() - call.started_);
  if (call.exchange_.second_.connection != nullptr) settle_hedge(call, connection);
  base::Arena& arena = call.exchange_.memory_for(call.event_, call.kind_);
  void* const place = arena.allocate(sizeof(wire::AgentResponse), alignof(wire::AgentResponse));
  finish(call, new (place) wire::AgentResponse{wire::copy_into(*answer.response, arena)}, Breaker::Outcome::success);
}

/// One dead connection is one failure, however many calls it takes along: that is counted in on_lost().
void Agent::failed(AgentConnection& connection, session::Failed& failure) {
  connection.note_failure();
  if (failure.error.kind() == base::ErrorKind::timeout && connection.is_suspect()) distrust(connection.site());
  Call& call = Call::of(failure.tag);
  if (--call.copies_ != 0) return;  // the other connection may still answer
  finish(call, std::move(failure.error), Breaker::Outcome::neutral);
}

void Agent::on_health(AgentConnection& connection, const session::HealthChanged& change) {
  if (change.status->state == change.before) return;
  if (observer_ != nullptr) observer_->on_health(id(), *change.status);
  if (change.status->state == wire::HealthState::draining) replace(connection);
}

void Agent::on_config_update(AgentConnection& connection, const wire::ConfigUpdateRequest& request) {
  base::Status outcome = base::fail(base::ErrorKind::unavailable, "nobody takes changes of the configuration here");
  if (observer_ != nullptr) outcome = observer_->on_config_update(id(), request);
  if (std::holds_alternative<wire::RestartRequired>(request.update)) {
    outcome = {};
    restart(std::chrono::milliseconds{std::get<wire::RestartRequired>(request.update).grace_period_ms});
  }
  connection.session()->answer(request.request_id, outcome, worker_.now());
  connection.flush_later();
}

void Agent::on_ready(AgentConnection& connection) {
  if (!connection.is_open()) return;  // closed before it had said so
  if (connection.is_outdated()) give(connection, *spec_.config_json, AgentConnection::Configuration::settling);
  refusal_.reset();
  calls_wait_until_ = {};
  metrics_.connections_opened.add();
  note_ready();
  breaker_.reconnected(worker_.now());
  note_breaker();
  if (observer_ != nullptr) {
    const session::ProxySession& session = *connection.session();
    observer_->on_connected(id(), session.agent());
    if (!session.undeclared().empty()) observer_->on_undeclared(id(), session.undeclared(), !session.means_its_list());
  }
  rally(connection.site());
  if (!to_restart_.empty()) restart_next();
  while (!ready_waiters_.empty()) {
    auto& waiter = static_cast<WaitReady&>(*ready_waiters_.front());
    ready_waiters_.remove(waiter);
    waiter.go_on();
  }
  pump();
}

/// At once the first time. One that answers now so and now so is dialled as one that does not answer.
bool Agent::recognise(AgentConnection& connection, const AgentConnection::Lost& lost) {
  if (!lost.speaks || spec_.dialect || draining_) return false;
  dial_terms_.dialect = *lost.speaks;
  connection.retry_after(lost.attempts > 1 ? lost.pause : base::Duration{});
  return true;
}

void Agent::on_lost(AgentConnection& connection, const base::Error& reason, const AgentConnection::Lost& lost) {
  if (recognise(connection, lost)) return;
  last_error_ = reason;
  if (lost.was_offered) refuse_offer("its connection ended before it had decided: " + reason.message());
  refusal_ = lost.refusal;
  if (lost.was_open) {
    note_ready();
    metrics_.connections_lost.add();
    // An agent that closes after it said so (it is restarted) has not failed.
    if (!lost.was_announced) count_crash(connection.site(), lost);
    note_breaker();
  } else {
    metrics_.connect_failures.add();
  }
  if (observer_ != nullptr)
    observer_->on_disconnected(id(), reason, lost.attempts, lost.slow_attempts > config_.max_reconnect_attempts);
  on_settled();  // with no connection left, who waits fails at once
  if (lacks_connections(connection.site())) connection.retry_after(lost.pause);
  if (!to_restart_.empty()) restart_next();
}

/// The agent is back: its other connections need not wait for their next try, which may be two minutes away.
void Agent::rally(Site& site) {
  const base::TimePoint now = worker_.now();
  if (now - site.rallied_at < rally_window) return;
  site.rallied_at = now;
  for (auto& connection : connections_)
    if (&connection->site() == &site && connection->is_waiting()) connection->dial();
}

/// While the agent serves at
/// another of its addresses, the one that fails is given its rest by the pauses before it is dialled again.
void Agent::count_crash(const Site& site, const AgentConnection::Lost& lost) {
  const auto serves_elsewhere = [&](const auto& connection) {
    return connection->is_open() && &connection->site() != &site;
  };
  if (std::ranges::any_of(connections_, serves_elsewhere)) return;
  const base::TimePoint now = worker_.now();
  const CrashRecord::Crash crash = crashes_.note(lost.connected_at, now);
  if (crash.is_new) breaker_.fail(now);
  if (crash.was_useless && lost.was_asked) breaker_.pause(now);
}

void Agent::take(reverse::Connection accepted) {
  if (draining_ || spec_.is_dialled())
    return reverse::refuse(worker_, std::move(accepted),
                           fmt::format("the proxy does not wait for agents that feed '{}'", id()));
  const std::shared_ptr<Site>& site = sites_.front();  // the only one of an agent that dials
  AgentConnection* const spare = find_spare(*site);
  (spare != nullptr ? *spare : add_connection(site)).take(std::move(accepted));
}

void Agent::replace(const AgentConnection& leaving) {
  const Site& site = leaving.site();
  if (draining_ || !lacks_connections(site)) return;
  AgentConnection* spare = find_spare(site);
  if (spare == nullptr) {
    const auto is_there = [&](const auto& connection) { return &connection->site() == &site; };
    const auto count = static_cast<std::size_t>(std::ranges::count_if(connections_, is_there));
    if (count >= connections_per_slot * config_.connections_per_agent) return;
    spare = &add_connection(*std::ranges::find(sites_, &site, &std::shared_ptr<Site>::get));
  }
  spare->replace(leaving);
}

AgentConnection* Agent::find_spare(const Site& site) const noexcept {
  const auto spare = std::ranges::find_if(
      connections_, [&](const auto& connection) { return &connection->site() == &site && connection->is_spare(); });
  return spare == connections_.end() ? nullptr : spare->get();
}

bool Agent::lacks_connections(const Site& site) const noexcept {
  if (!spec_.is_dialled() || !site.is_current) return false;
  const auto stays = [&](const auto& connection) {
    return &connection->site() == &site && !connection->is_spare() && !connection->is_leaving();
  };
  return std::ranges::count_if(connections_, stays) < static_cast<std::ptrdiff_t>(config_.connections_per_agent);
}

AgentConnection& Agent::add_connection(const std::shared_ptr<Site>& site) {
  const auto closed = std::ranges::find_if(connections_, &AgentConnection::is_closed);
  if (closed != connections_.end()) {
    (*closed)->move_to(site);
    return **closed;
  }
  const auto index = static_cast<std::uint32_t>(connections_.size());
  AgentConnection::Owner& owner = *this;
  connections_.push_back(
      std::make_unique<AgentConnection>(dial_terms_, owner, site, some_number() + index * 0x9E3779B9U));
  candidates_.resize(connections_.size());
  return *connections_.back();
}

void Agent::note_breaker() {
  const auto state = static_cast<std::int64_t>(breaker_.state());
  if (metrics_.breaker_state.value() == state) return;
  metrics_.breaker_state.set(state);
  if (observer_ != nullptr) observer_->on_breaker(id(), breaker_.state());
}

void Agent::probe(const Site& site) {
  for (auto& connection : connections_)
    if (&connection->site() == &site) connection->probe();
}

void Agent::distrust(const Site& site) {
  for (auto& connection : connections_)
    if (&connection->site() == &site) connection->distrust();
}

base::TimePoint Agent::last_suspicion() const noexcept {
  base::TimePoint last{};
  for (const auto& connection : connections_)
    if (connection->candidate().suspect) last = std::max(last, connection->session()->suspect_since());
  return last;
}

AgentHealth Agent::health() const {
  AgentHealth health{.id = id(),
                     .connections = config_.connections_per_agent * std::max<std::size_t>(sites_.size(), 1),
                     .ready = ready_connections(),
                     .in_flight = in_flight_,
                     .waiting = waiting_.size(),
                     .breaker = breaker_.state(),
                     .last_error = last_error_};
  if (health.ready == 0) return health;
  double rates = 0;
  base::Duration latencies{};
  for (const auto& connection : connections_) {
    if (!connection->is_open()) continue;
    rates += connection->record().success_rate(worker_.now());
    latencies += connection->record().latency();
    health.state = std::max(health.state, connection->session()->health().state);
  }
  health.success_rate = rates / static_cast<double>(health.ready);
  health.latency = latencies / static_cast<std::int64_t>(health.ready);
  return health;
}

std::size_t Agent::ready_connections() const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(connections_, &AgentConnection::is_open));
}

/// No more events than the agent bears are in flight, whatever is configured: the sum of what it bears at each address.
void Agent::note_limits() noexcept {
  std::uint64_t bears = 0;
  for (const auto& site : sites_) bears += borne_at(*site);
  most_in_flight_ = spec_.max_concurrent_calls;
  if (bears != 0 && bears < most_in_flight_) most_in_flight_ = static_cast<std::uint32_t>(bears);
}

/// Of an address where it has no limit of its own all that may be; nothing of one where it is not.
std::uint64_t Agent::borne_at(const Site& site) const noexcept {
  std::uint64_t least = 0;
  for (const auto& connection : connections_) {
    if (!connection->is_open() || &connection->site() != &site) continue;
    const std::uint32_t limit = connection->session()->agent().limits.max_concurrency;
    const std::uint64_t bears = limit != 0 ? limit : spec_.max_concurrent_calls;
    least = least == 0 ? bears : std::min(least, bears);
  }
  return least;
}

void Agent::note_ready() {
  metrics_.connections_ready.set(static_cast<std::int64_t>(ready_connections()));
  note_limits();
}

void Agent::cancel_all(wire::CancelReason reason) {
  for (auto& connection : connections_) connection->cancel_all(reason);
}

void Agent::drain() {
  draining_ = true;
  watch_.reset();
  worker_.timers().arm(drain_timer_, worker_.now() + config_.drain_timeout);
  for (auto& connection : connections_) connection->drain();
  close_idle();
  pump();
}

void Agent::close_idle() {
  if (draining_ && awaits_reports()) return;
  for (auto& connection : connections_) connection->close_if_idle();
  some_leave_ = std::ranges::any_of(connections_, &AgentConnection::is_draining);
  note_ready();
  adopt_if_accepted();  // of what all have accepted who are left
}

void Agent::close_now() {
  draining_ = true;
  watch_.reset();
  for (auto& connection : connections_) connection->close();
  note_ready();
  pump();
}

bool Agent::closed() const noexcept { return std::ranges::all_of(connections_, &AgentConnection::is_closed); }

}  // namespace picket::pool
