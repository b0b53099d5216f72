#include "apps/gateway/upstream/connection_places.hpp"

namespace picket::apps::gateway::upstream {

using base::ErrorKind;

void ConnectionPlaces::call_next() noexcept {
  if (!line_.empty()) line_.front().end(Turn::State::called);
}

bool ConnectionPlaces::Turn::await_ready() noexcept {
  if (places_.waiting_ >= most_waiting) state_ = State::crowded;
  return state_ != State::waiting;
}

void ConnectionPlaces::Turn::await_suspend(std::coroutine_handle<> waiting) noexcept {
  places_.waits.add();
  places_.line_.push_back(*this);
  ++places_.waiting_;
  resumption_.wait(waiting);
  if (!deadline_.never()) places_.worker_.timers().arm(timer_, deadline_.at());
}

void ConnectionPlaces::Turn::end(State state) noexcept {
  unlink();
  --places_.waiting_;
  timer_.cancel();
  state_ = state;
  places_.worker_.resume(resumption_);
}

void ConnectionPlaces::Turn::stop() noexcept {
  if (is_linked()) end(State::stopped);
}

base::Status ConnectionPlaces::Turn::await_resume() noexcept {
  switch (state_) {
    case State::called: return {};
    case State::stopped: return base::fail(ErrorKind::connection_closed, "nobody waits for it any more");
    case State::crowded: return base::fail(ErrorKind::unavailable, "too many requests wait for a connection");
    case State::waiting:
    case State::late: break;
  }
  return base::fail(ErrorKind::unavailable, "no connection was free in time");
}

}  // namespace picket::apps::gateway::upstream
