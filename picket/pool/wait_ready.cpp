#include "picket/pool/wait_ready.hpp"

#include <fmt/format.h>

#include "picket/pool/agent.hpp"

namespace picket::pool {

WaitReady::WaitReady(const Agent& agent, WaitingQueue& waiting, transport::Worker& worker,
                     base::Deadline deadline) noexcept
    : agent_(agent),
      waiting_(waiting),
      worker_(worker),
      deadline_(deadline),
      timer_([](void* self, base::TimePoint) { static_cast<WaitReady*>(self)->go_on(); }, this) {}

WaitReady::~WaitReady() { waiting_.remove(*this); }

bool WaitReady::await_ready() const noexcept { return agent_.ready_connections() != 0; }

void WaitReady::await_suspend(std::coroutine_handle<> waiter) {
  waiter_.wait(waiter);
  waiting_.push_back(*this);
  if (!deadline_.never()) worker_.timers().arm(timer_, deadline_.at());
}

void WaitReady::go_on() noexcept {
  timer_.cancel();
  worker_.resume(waiter_);
}

base::Status WaitReady::await_resume() const {
  if (agent_.ready_connections() != 0) return {};
  const auto& last = agent_.last_error();
  return base::fail(base::ErrorKind::timeout, fmt::format("agent '{}' is not ready{}", agent_.id(),
                                                          last ? ": " + last->message() : std::string{}));
}

}  // namespace picket::pool
