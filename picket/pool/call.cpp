#include "picket/pool/call.hpp"

#include "picket/pool/agent.hpp"
#include "picket/pool/exchange.hpp"

namespace picket::pool {

Call::Call(Exchange& exchange, session::EventPointer event, wire::EventKind kind, base::Deadline deadline)
    : exchange_(exchange), event_(event), kind_(kind), deadline_(deadline), timer_(&Call::on_deadline, this) {
  next_of_exchange_ = exchange_.pending_;
  exchange_.pending_ = this;
  exchange_.agent().start(*this);
}

Call::~Call() {
  if (state_ == State::done) return;
  waiter_ = nullptr;
  set_ = nullptr;
  exchange_.cancel(wire::CancelReason::manual);
}

std::coroutine_handle<> Call::end(base::Result<wire::AgentResponse> result, Breaker::Outcome outcome) {
  result_ = std::move(result);
  Call** link = &exchange_.pending_;
  while (*link != this) link = &(*link)->next_of_exchange_;
  *link = next_of_exchange_;
  exchange_.agent().finished(*this, outcome);
  if (set_ != nullptr) return set_->on_ended();
  return std::exchange(waiter_, nullptr);
}

void Call::finish(base::Result<wire::AgentResponse> result, Breaker::Outcome outcome) {
  Agent& agent = exchange_.agent();
  const auto waiter = end(std::move(result), outcome);
  if (waiter) waiter.resume();  // nobody may touch the call after this: whoever awaited it may end it
  agent.pump();
}

void Call::on_deadline(void* self, base::TimePoint) {
  auto& call = *static_cast<Call*>(self);
  call.exchange_.agent().unlink(call);
  call.finish(call.waiting_for_, Breaker::Outcome::neutral);
}

void CallSet::add(Call& call) noexcept {
  call.set_ = this;
  if (call.done()) ++ended_;
}

std::coroutine_handle<> CallSet::on_ended() noexcept {
  ++ended_;
  return std::exchange(waiter_, nullptr);
}

}  // namespace picket::pool
