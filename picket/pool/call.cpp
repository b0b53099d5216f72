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

void Call::finish(base::Result<wire::AgentResponse> result, Breaker::Outcome outcome) {
  Agent& agent = exchange_.agent();
  result_ = std::move(result);
  Call** link = &exchange_.pending_;
  while (*link != this) link = &(*link)->next_of_exchange_;
  *link = next_of_exchange_;
  agent.finished(*this, outcome);
  // Nobody may touch the call after this: whoever awaits it may end it.
  if (const auto waiter = std::exchange(waiter_, nullptr)) {
    waiter.resume();
  } else if (set_ != nullptr) {
    set_->on_ended();
  }
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

void CallSet::on_ended() {
  ++ended_;
  if (const auto waiter = std::exchange(waiter_, nullptr)) waiter.resume();
}

}  // namespace picket::pool
