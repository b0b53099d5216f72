#include <algorithm>

#include <fmt/format.h>

#include "picket/pool/agent.hpp"

/// Of an agent which connection an event takes, and which another one that is asked the same.
namespace picket::pool {

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
  const auto pin = sticky_.find(exchange.sticky_key_, worker_.now());
  if (!pin) return {};
  const auto kept = std::ranges::find(connections_, pin->connection, &std::unique_ptr<AgentConnection>::get);
  if (kept == connections_.end() || (*kept)->epoch() != pin->epoch) return {};
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

base::Status Agent::begin_session(std::string_view key, Demand demand) {
  const Selection selection = select_connection(demand);
  if (!selection.index)
    return base::fail(base::ErrorKind::unavailable, selection.failure == SelectionFailure::none_ready
                                                        ? why_none_is_ready(demand)
                                                        : "each connection is full, paused or silent");
  sticky_.put(key, connections_[*selection.index]->pin(), worker_.now());
  return {};
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
    const bool is_asked = connections_[i].get() == exchange.pin_.connection;
    candidates_[i] = is_asked ? Candidate{} : connections_[i]->candidate();
  }
  const Selection selection =
      select(candidates_, LoadBalanceStrategy::least_connections, config_.max_concurrent_per_connection, selection_);
  if (!selection.index || !connections_[*selection.index]->session()->takes(call.kind_) || !hedging_->take()) return;
  AgentConnection& second = *connections_[*selection.index];
  if (!second.session()->send(exchange.id(), call.event_, call.deadline_, call.tag(), worker_.now())) return;
  exchange.second_ = second.pin();
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
  std::swap(exchange.pin_, exchange.second_);
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

}  // namespace picket::pool
