#include "picket/pool/exchange.hpp"

#include <algorithm>

#include "picket/pool/agent.hpp"

namespace picket::pool {
namespace {

// Bytes. Events beside each other save a round trip; to an agent that does not read they would only fill the queue.
constexpr std::size_t max_unwritten = 256 * 1024;

}  // namespace

Exchange::Exchange(Agent& agent, const base::CorrelationId& id, Demand demand)
    : agent_(&agent), id_(&id), arena_(agent.answers_.take()), demand_(demand) {
  agent.exchange_began();
}

Exchange::Exchange(Exchange&& other) noexcept
    : agent_(std::exchange(other.agent_, nullptr)),
      id_(other.id_),
      pin_(other.pin_),
      second_(other.second_),
      arena_(std::move(other.arena_)),
      request_body_answers_(std::move(other.request_body_answers_)),
      response_body_answers_(std::move(other.response_body_answers_)),
      guardrail_answers_(std::move(other.guardrail_answers_)),
      sticky_key_(other.sticky_key_),
      demand_(other.demand_),
      completed_(other.completed_) {}

Exchange::~Exchange() {
  if (agent_ == nullptr) return;  // moved from
  if (!completed_) complete({});
  agent_->answers_.give_back(std::move(arena_));
  for (auto* const answers : {&request_body_answers_, &response_body_answers_, &guardrail_answers_})
    if (*answers) agent_->answers_.give_back(std::move(**answers));
}

base::Arena& Exchange::memory_for(const session::EventPointer& event, wire::EventKind kind) {
  const auto* const frame = std::get_if<wire::WebSocketFrame*>(&event);
  return memory_for(kind, frame != nullptr && (*frame)->client_to_server);
}

/// A body may have any number of answers, and so may texts in it, and frames, which come when the bodies are over; the
/// others are few.
base::Arena& Exchange::memory_for(wire::EventKind kind, bool client_to_server) {
  using enum wire::EventKind;
  const bool is_of_frame = kind == websocket_frame;
  std::optional<base::Arena>* answers = nullptr;
  if (kind == request_body_chunk || (is_of_frame && client_to_server)) answers = &request_body_answers_;
  if (kind == response_body_chunk || (is_of_frame && !client_to_server)) answers = &response_body_answers_;
  if (kind == guardrail_inspect) answers = &guardrail_answers_;
  if (answers == nullptr) return arena_;
  if (!*answers) answers->emplace(agent_->answers_.take());
  return **answers;
}

Call::Owner& Exchange::owner_of_calls() const noexcept { return *agent_; }

void Exchange::cancel(wire::CancelReason reason) {
  for (const Pin& pin : {pin_, second_})
    if (AgentConnection* const connection = pin.now()) connection->cancel(*id_, reason);
  agent_->abandon(*this);
  stop_waiting();
}

void Exchange::complete(const wire::RequestComplete& summary) {
  if (completed_) return;
  completed_ = true;
  if (pending_ != nullptr) cancel(wire::CancelReason::manual);
  bool told = false;
  for (const Pin& pin : {pin_, second_})
    if (AgentConnection* const connection = pin.now()) told |= connection->complete(*id_, summary);
  if (!told) agent_->report(*id_, summary);
  agent_->look_who_waits();
  agent_->exchange_over();
}

bool Exchange::is_lost() const noexcept {
  if (!has_begun()) return false;
  const AgentConnection* const connection = pinned();
  return connection == nullptr || connection->session()->is_cancelled(*id_);
}

void Exchange::begin_again(const base::CorrelationId& id) noexcept {
  id_ = &id;
  pin_ = second_ = {};
  completed_ = false;
  agent_->exchange_began();
}

const session::AgentInfo* Exchange::agent_info() const noexcept {
  if (pin_.connection == nullptr) return agent_->info();
  const AgentConnection* const connection = pinned();
  return connection != nullptr ? &connection->session()->agent() : nullptr;
}

base::TimePoint Exchange::now() const noexcept { return agent_->worker_.now(); }

base::TimePoint Exchange::paused_until() const noexcept {
  const AgentConnection* const connection = pinned();
  return connection != nullptr ? connection->session()->paused_until(*id_) : base::TimePoint{};
}

std::uint64_t Exchange::body_room() const noexcept {
  const AgentConnection* const connection = pinned();
  return connection != nullptr ? connection->session()->body_room(*id_) : session::unlimited;
}

bool Exchange::tells_answers_apart() const noexcept {
  const AgentConnection* const connection = pinned();
  return connection != nullptr && connection->session()->format().event_reply;
}

bool Exchange::can_pipeline() const noexcept {
  return tells_answers_apart() && pinned()->session()->output().size() < max_unwritten && agent_->has_place();
}

// ---- waiting until more is wanted

Exchange::MoreWanted::MoreWanted(Exchange& exchange, base::Deadline deadline) noexcept
    : exchange_(exchange),
      deadline_(deadline),
      timer_([](void* self, base::TimePoint) { static_cast<MoreWanted*>(self)->look(); }, this) {}

Exchange::MoreWanted::~MoreWanted() { exchange_.agent_->wait_for_more_.remove(*this); }

void Exchange::MoreWanted::await_suspend(std::coroutine_handle<> waiter) {
  waiter_.wait(waiter);
  exchange_.agent_->wait_for_more_.push_back(*this);
  look();
}

void Exchange::stop_waiting() noexcept {
  agent_->wait_for_more_.each(
      [this](WaitingQueue::Place& place) { static_cast<MoreWanted&>(place).stop_if_of(*this); });
}

void Exchange::MoreWanted::stop_if_of(const Exchange& exchange) noexcept {
  if (&exchange == &exchange_) exchange_.agent_->worker_.resume(waiter_);
}

void Exchange::MoreWanted::look() {
  transport::Worker& worker = exchange_.agent_->worker_;
  if (!exchange_.is_paused() || deadline_.passed(worker.now())) return worker.resume(waiter_);
  // Room there is as soon as the agent has answered: whoever hears it looks.
  const base::TimePoint pause_ends = exchange_.paused_until();
  const base::TimePoint wakes = pause_ends > worker.now() ? std::min(pause_ends, deadline_.at()) : deadline_.at();
  if (wakes != base::TimePoint::max()) worker.timers().arm(timer_, wakes);
}

}  // namespace picket::pool
