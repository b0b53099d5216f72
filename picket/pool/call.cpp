#include "picket/pool/call.hpp"

#include "picket/pool/agent.hpp"
#include "picket/pool/exchange.hpp"

namespace picket::pool {

Call::Call(Exchange& exchange, session::EventPointer event, wire::EventKind kind, base::Deadline deadline)
    : exchange_(exchange), event_(event), kind_(kind), deadline_(deadline), timer_(&Call::on_timer, this) {
  next_of_exchange_ = exchange_.pending_;
  exchange_.pending_ = this;
  exchange_.agent().start(*this);
}

Call::~Call() {
  if (state_ == State::done) return;
  waiter_.forget();
  set_ = nullptr;
  exchange_.cancel(wire::CancelReason::manual);
}

void Call::finish(Answer result, Breaker::Outcome outcome) {
  result_ = std::move(result);
  Call** link = &exchange_.pending_;
  while (*link != this) link = &(*link)->next_of_exchange_;
  *link = next_of_exchange_;
  Agent& agent = exchange_.agent();
  agent.finished(*this, outcome);
  if (set_ != nullptr) ++set_->ended_;
  agent.worker_.resume(set_ != nullptr ? set_->waiter_ : waiter_);
}

void Call::on_timer(void* self, base::TimePoint) {
  auto& call = *static_cast<Call*>(self);
  Agent& agent = call.exchange_.agent();
  if (call.state_ == State::in_flight) return agent.hedge(call);
  agent.stop_waiting(call);
  call.finish(call.waiting_for_, Breaker::Outcome::neutral);
  agent.pump();  // who waits behind it may want another place than it did
}

void CallSet::add(Call& call) noexcept {
  call.set_ = this;
  if (call.done()) ++ended_;
}

}  // namespace picket::pool
