#pragma once

#include <coroutine>

#include "picket/base/result.hpp"
#include "picket/base/time.hpp"
#include "picket/base/timer_wheel.hpp"
#include "picket/pool/waiting_queue.hpp"
#include "picket/transport/resumption.hpp"
#include "picket/transport/worker.hpp"

namespace picket::pool {

class Agent;

/// Awaitable of AgentPool::ready(): an agent is connected to, or the deadline has passed. Made by the agent, among
/// whose `waiting` it stands meanwhile.
///
/// Thread safety: the worker's thread. Lifetime: the agent outlives it. Errors: timeout. Complexity: allocates nothing.
class WaitReady : public WaitingQueue::Place {
 public:
  WaitReady(const Agent& agent, WaitingQueue& waiting, transport::Worker& worker, base::Deadline deadline) noexcept;
  WaitReady(const WaitReady&) = delete;
  WaitReady& operator=(const WaitReady&) = delete;
  ~WaitReady();
  [[nodiscard]] bool await_ready() const noexcept;
  void await_suspend(std::coroutine_handle<> waiter);
  [[nodiscard]] base::Status await_resume() const;
  /// There is a connection, or the deadline has passed.
  void go_on() noexcept;

 private:
  const Agent& agent_;
  WaitingQueue& waiting_;
  transport::Worker& worker_;
  base::Deadline deadline_;
  base::Timer timer_;
  transport::Resumption waiter_;
};

}  // namespace picket::pool
