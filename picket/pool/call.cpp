#include "picket/pool/call.hpp"

#include "picket/pool/exchange.hpp"

namespace picket::pool {

Call::Call(Exchange& exchange, session::EventPointer event, wire::EventKind kind, base::Deadline deadline)
    : exchange_(exchange),
      event_(event),
      kind_(kind),
      deadline_(deadline),
      timer_(
          [](void* self, base::TimePoint) {
            auto& call = *static_cast<Call*>(self);
            call.exchange_.owner_of_calls().on_due(call);
          },
          this) {
  exchange_.owner_of_calls().start(*this);
}

Call::~Call() {
  if (state_ == State::done) return;
  waiter_.forget();
  ended_ = nullptr;
  exchange_.cancel(wire::CancelReason::manual);
}

}  // namespace picket::pool
