#include "picket/pool/breaker.hpp"

namespace picket::pool {

Breaker::Permit Breaker::acquire(base::TimePoint now) noexcept {
  if (state_ == State::closed) return Permit::normal;
  if (state_ == State::open) {
    if (now < retry_at_) return Permit::none;
    state_ = State::half_open;
    successes_ = 0;
  }
  if (probes_ >= config_.half_open_max_requests) return Permit::none;
  ++probes_;
  return Permit::probe;
}

void Breaker::finish(Permit permit, Outcome outcome, base::TimePoint now) noexcept {
  if (permit == Permit::none) return;
  if (permit == Permit::probe) --probes_;
  if (outcome == Outcome::failure) return fail(now);
  if (outcome == Outcome::neutral) return;
  if (state_ == State::closed) {
    failures_ = 0;
  } else if (state_ == State::half_open && permit == Permit::probe && ++successes_ >= config_.success_threshold) {
    state_ = State::closed;
    failures_ = 0;
  }
}

void Breaker::fail(base::TimePoint now) noexcept {
  if (state_ == State::half_open || (state_ == State::closed && ++failures_ >= config_.failure_threshold)) open(now);
}

void Breaker::open(base::TimePoint now) noexcept {
  state_ = State::open;
  failures_ = 0;
  retry_at_ = now + config_.open_for;
}

}  // namespace picket::pool
