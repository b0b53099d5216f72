#pragma once

#include <coroutine>
#include <utility>

namespace picket::transport {

/// Where somebody waits, most often a coroutine, until a worker lets him go on (Worker::resume).
///
/// A part of what is awaited, so that queueing allocates nothing; what is destroyed while it is queued is forgotten.
///
/// Thread safety: its worker's. Lifetime: not movable, since the queue links to it. Complexity: O(1), all of it.
///
/// What waits in an awaitable:
///
///   void await_suspend(std::coroutine_handle<> waiting) { waiting_.wait(waiting); }
///   void on_answer() { worker_.resume(waiting_); }  // later, once; whoever waits goes on in this turn
class Resumption {
 public:
  using Step = void (*)(void* self);

  Resumption() noexcept = default;
  Resumption(const Resumption&) = delete;
  Resumption& operator=(const Resumption&) = delete;
  ~Resumption() { leave_queue(); }

  /// `waiting` goes on once, when it is resumed. One waits at a time: another takes his place.
  void wait(std::coroutine_handle<> waiting) noexcept {
    wait([](void* frame) { std::coroutine_handle<>::from_address(frame).resume(); }, waiting.address());
  }
  /// The same, for what is no coroutine. `self` is not null: null stands for nobody.
  void wait(Step step, void* self) noexcept {
    step_ = step;
    self_ = self;
  }
  /// Nobody waits any more, resumed or not.
  void forget() noexcept {
    self_ = nullptr;
    leave_queue();
  }

 private:
  friend class ResumptionQueue;

  void leave_queue() noexcept {
    previous_->next_ = next_;
    next_->previous_ = previous_;
    previous_ = next_ = this;
  }

  Resumption* previous_ = this;  // itself: not queued
  Resumption* next_ = this;
  Step step_ = nullptr;
  void* self_ = nullptr;  // null: nobody waits
};

/// Those who may go on, in the order in which they were let. Resuming from a queue, and not where something ends, keeps
/// stacks flat and lets whatever ended it finish first.
///
/// Thread safety: its worker's. Lifetime: may go before those who are queued in it. Complexity: O(1), all of it but its
/// end.
class ResumptionQueue {
 public:
  ResumptionQueue() noexcept = default;
  ResumptionQueue(const ResumptionQueue&) = delete;
  ResumptionQueue& operator=(const ResumptionQueue&) = delete;
  /// Who is left never goes on.
  ~ResumptionQueue() {
    while (!empty()) head_.next_->leave_queue();
  }

  [[nodiscard]] bool empty() const noexcept { return head_.next_ == &head_; }
  /// Queues whoever waits there; once, however often it is called. Nothing where nobody waits.
  void push(Resumption& resumption) noexcept {
    if (resumption.self_ == nullptr || resumption.next_ != &resumption) return;
    resumption.previous_ = head_.previous_;
    resumption.next_ = &head_;
    head_.previous_->next_ = &resumption;
    head_.previous_ = &resumption;
  }
  /// Runs the first, who may queue others and destroy what he waited in. Not of an empty queue.
  void run_first() {
    Resumption& first = *head_.next_;
    first.leave_queue();
    first.step_(std::exchange(first.self_, nullptr));
  }

 private:
  Resumption head_;
};

}  // namespace picket::transport
