#include "picket/pool/breaker.hpp"

#include <algorithm>
#include <chrono>

namespace picket::pool {
namespace {

// How often an agent is tried at most that dies of it: its supervisor restarts it each time.
constexpr base::Duration pause_of_the_dying = std::chrono::seconds{1};

}  // namespace

Breaker::Permit Breaker::acquire(base::TimePoint now) noexcept {
  if (now < pause_ends_) return Permit::none;
  if (state_ == State::closed) return Permit::normal;
  if (state_ == State::open) {
    if (now < retry_at_) return Permit::none;
    half_open();
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

void Breaker::pause(base::TimePoint now) noexcept {
  pause_ends_ = now + std::min(pause_of_the_dying, config_.open_for);
}

void Breaker::reconnected(base::TimePoint now) noexcept {
  if (state_ != State::open) return;
  retry_at_ = std::min(retry_at_, std::max(now, pause_ends_));
  if (now >= retry_at_) half_open();
}

void Breaker::half_open() noexcept {
  state_ = State::half_open;
  successes_ = 0;
}

void Breaker::open(base::TimePoint now) noexcept {
  state_ = State::open;
  failures_ = 0;
  retry_at_ = now + config_.open_for;
}

}  // namespace picket::pool
