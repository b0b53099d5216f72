#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "picket/pool/agent.hpp"
#include "picket/wire/codec.hpp"

/// Of an agent what changes while it serves: its configuration, and the process behind its connections.
namespace picket::pool {
namespace {

using Configuration = AgentConnection::Configuration;

// An agent may name any time; a drain without an end would keep connections that nobody uses.
constexpr base::Duration longest_grace = std::chrono::hours{1};

bool has_to_decide(const std::unique_ptr<AgentConnection>& connection) noexcept {
  return connection->configuration() == Configuration::offered ||
         connection->configuration() == Configuration::settling;
}

}  // namespace

// ---- another configuration

base::Status Agent::offer(std::string config_json) {
  if (!spec_.config_json)
    return base::fail(base::ErrorKind::unavailable, fmt::format("agent '{}' has no configuration to change", id()));
  base::Arena arena;
  if (auto parsed = wire::parse_json(config_json, arena); !parsed)
    return base::fail(base::ErrorKind::invalid_message,
                      fmt::format("agent '{}': its configuration: {}", id(), parsed.error().detail()));
  withdraw();
  offer_.make(std::move(config_json));
  for (auto& connection : connections_)
    if (connection->is_open()) give(*connection, offer_.config_json(), Configuration::offered);
  return {};
}

Agent::OfferState Agent::offer_state() const noexcept {
  if (offer_.outcome() == Offer::Outcome::refused) return OfferState::refused;
  if (offer_.outcome() == Offer::Outcome::none) return OfferState::none;
  const auto is_open = [](const auto& connection) { return connection->configuration() == Configuration::offered; };
  return std::ranges::any_of(connections_, is_open) ? OfferState::pending : OfferState::accepted;
}

/// Whoever is given one has that long to decide.
void Agent::give(AgentConnection& connection, const std::string& config_json, Configuration as) {
  connection.configure(config_json, as);
  worker_.timers().arm(decision_timer_, worker_.now() + dial_terms_.session->configure_timeout);
}

void Agent::on_configured(AgentConnection& connection, session::Configured& outcome) {
  if (connection.configuration() == Configuration::settling) {
    connection.note(Configuration::current);
    if (outcome.refusal)
      connection.end(base::fail(base::ErrorKind::connection_failed,
                                "the agent refused the configuration that it shall have: " + *outcome.refusal));
    return;
  }
  if (connection.configuration() != Configuration::offered) return;
  connection.note(outcome.refusal ? Configuration::current : Configuration::taken);
  if (outcome.refusal) return refuse_offer(std::move(*outcome.refusal));
  adopt_if_accepted();
}

void Agent::refuse_offer(std::string why) {
  if (!offer_.refuse(std::move(why))) return;
  take_back();
  if (observer_ != nullptr) observer_->on_configured(id(), base::fail(base::ErrorKind::unavailable, *offer_.refusal()));
}

void Agent::adopt() {
  offer_.want();
  adopt_if_accepted();
}

void Agent::adopt_if_accepted() {
  if (!offer_.is_wanted() || offer_state() != OfferState::accepted) return;
  spec_.config_json = offer_.take();
  dial_terms_.session = std::make_shared<session::ProxyConfig>(session_config(spec_, config_));
  for (auto& connection : connections_) {
    // Those that were made meanwhile began with the old one.
    if (connection->configuration() == Configuration::current && connection->is_open())
      give(*connection, *spec_.config_json, Configuration::settling);
    else if (connection->configuration() == Configuration::taken)
      connection->note(Configuration::current);
  }
  if (observer_ != nullptr) observer_->on_configured(id(), {});
}

void Agent::withdraw() {
  if (offer_.outcome() == Offer::Outcome::open) take_back();
  offer_ = {};
}

/// Who has been given what is offered shall have the old one again.
void Agent::take_back() {
  for (auto& connection : connections_)
    if (connection->configuration() == Configuration::offered || connection->configuration() == Configuration::taken)
      give(*connection, *spec_.config_json, Configuration::settling);
}

/// Of an offer that is refused; of what the connection shall have no agent may be silent.
void Agent::silent_too_long() {
  const auto offered = [](const auto& connection) { return connection->configuration() == Configuration::offered; };
  if (std::ranges::any_of(connections_, offered)) return refuse_offer("it did not decide on it in time");
  for (auto& connection : connections_)
    if (has_to_decide(connection))
      connection->end(base::fail(base::ErrorKind::timeout, "the agent did not accept its configuration in time"));
}

// ---- another process

void Agent::restart(base::Duration grace) {
  if (draining_ || restart_timer_.armed()) return;  // it says so on each connection
  grace = std::min(grace == base::Duration{} ? config_.drain_timeout : grace, longest_grace);
  for (auto& connection : connections_)
    if (connection->is_open() && !connection->is_leaving() && !connection->is_draining())
      to_restart_.push_back(connection->pin());
  worker_.timers().arm(restart_timer_, worker_.now() + grace);
  restart_next();
}

/// The first of those that are left drains, and ends with its last exchange; then the next one does. Each waits until
/// another carries on, unless there is none that could.
void Agent::restart_next() {
  while (!to_restart_.empty()) {
    AgentConnection* const first = to_restart_.front().now();
    if (first == nullptr || !first->is_open()) {
      to_restart_.erase(to_restart_.begin());
      continue;
    }
    AgentConnection& connection = *first;
    if (!connection.is_leaving()) {
      if (awaits_another_than(connection)) return;
      connection.retire();
      replace(connection);
    }
    if (connection.session()->exchanges() != 0) return;
    to_restart_.erase(to_restart_.begin());
    return connection.end(base::fail(base::ErrorKind::connection_closed, "the agent is to be restarted"));
  }
}

/// Whether none but this one takes anything new, and another is being made.
bool Agent::awaits_another_than(const AgentConnection& connection) const noexcept {
  bool is_made = false;
  for (const auto& other : connections_) {
    if (other.get() == &connection) continue;
    if (other->is_open() && !other->is_leaving() && !other->is_draining()) return false;
    is_made = is_made || other->is_connecting() || other->is_waiting();
  }
  return is_made;
}

void Agent::end_restart() {
  for (const Pin& pinned : std::exchange(to_restart_, {})) {
    AgentConnection* const connection = pinned.now();
    if (connection == nullptr || !connection->is_open()) continue;
    if (!connection->is_leaving()) {
      connection->retire();
      replace(*connection);
    }
    connection->end(
        base::fail(base::ErrorKind::connection_closed, "the agent is to be restarted, and the time it gave is over"));
  }
}

}  // namespace picket::pool
