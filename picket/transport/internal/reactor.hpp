#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "picket/base/recycled_memory.hpp"
#include "picket/base/time.hpp"
#include "picket/transport/descriptor.hpp"

namespace picket::transport::internal {

/// Something that is waited for, or that has ended and whose waiter is to be called. Thread safety: its queue's.
struct Operation : base::Recycled {
  explicit Operation(Waiter whom, const Completion& what = {}) noexcept : waiter(std::move(whom)), outcome(what) {}

  Waiter waiter;
  Completion outcome;
  bool connects = false;  // its outcome is the socket's
  Operation* next = nullptr;
};

/// Operations in the order in which they came; owns them. Thread safety: none; one owner. Complexity: O(1).
class OperationQueue {
 public:
  OperationQueue() noexcept = default;
  OperationQueue(OperationQueue&& other) noexcept { append(std::move(other)); }
  OperationQueue& operator=(OperationQueue&&) = delete;
  /// Nobody is called.
  ~OperationQueue() {
    while (!empty()) delete pop();
  }

  [[nodiscard]] bool empty() const noexcept { return last_ == nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  void push(Operation* operation) noexcept {
    operation->next = last_ == nullptr ? operation : std::exchange(last_->next, operation);
    last_ = operation;
    ++size_;
  }
  /// Of a queue that is not empty. The caller's from now on.
  [[nodiscard]] Operation* pop() noexcept {
    Operation* const operation = last_->next;
    operation == last_ ? last_ = nullptr : last_->next = operation->next;
    --size_;
    return operation;
  }
  void append(OperationQueue&& other) noexcept;

 private:
  Operation* last_ = nullptr;  // behind which stands the first: there are two queues for each descriptor
  std::size_t size_ = 0;
};

/// What the reactor knows of a descriptor. Thread safety: under Worker::enter(). Lifetime: its Descriptor's; the
/// reactor outlives it.
struct Watched : base::Recycled {
  explicit Watched(Worker& whose) noexcept : worker(whose) {}

  Worker& worker;
  OperationQueue readers;
  OperationQueue writers;
  int descriptor = -1;
  std::uint32_t generation = 0;  // tells it from what had its number before
  bool is_empty = true;          // nothing has come since somebody read all that there was
  bool is_never_empty = false;   // its end is always something to read; before urgent data a read ends early
  bool asks_to_write = false;    // the kernel is to say when there is room
};

/// One worker's readiness: epoll, edge-triggered, one registration for each descriptor in its life.
///
/// A wait for input costs no system call where somebody has said that the descriptor is empty, and one otherwise, by
/// which the kernel looks again (ADR 0058). Waiters are called by run_one() alone.
///
/// Thread safety: post() from any thread; all else under Worker::enter(), which hear() enters by itself. Lifetime: the
/// worker's. Errors: making one throws std::system_error. Complexity: O(1) for each event.
class Reactor {
 public:
  explicit Reactor(Worker& worker);
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;
  /// What is waited for never comes; whoever is kept alive by it goes.
  ~Reactor();

  // ---- the worker's
  /// Waits for something to be ready, until `until` at most: a point that is over: not at all. Not under enter().
  void hear(base::TimePoint until);
  /// Operations that have ended and whose waiters are to be called.
  [[nodiscard]] std::size_t ready() const noexcept { return ready_.size(); }
  /// Calls the first of them. Whether there was one. Not under enter().
  bool run_one();
  /// Has `waiter` called in a later turn; wakes the loop.
  void post(Waiter waiter);
  /// Has hear() return.
  void wake() noexcept;

  // ---- descriptors'
  /// Begins to watch. Returns what is wrong, as errno has it.
  [[nodiscard]] int add(Watched& watched, int descriptor);
  /// Ends that, and what is waited for there.
  void remove(Watched& watched) noexcept;
  void wait(Watched& watched, Readiness readiness, Operation* operation);
  /// Ends what is waited for, with ECANCELED.
  void cancel(Watched& watched) noexcept;
  /// Calls the waiter in a later turn.
  void complete(Operation* operation) noexcept;

 private:
  void heard(std::uint64_t key, std::uint32_t events) noexcept;
  void become_writable(Watched& watched) noexcept;
  void take_posted() noexcept;
  void set(int how, const Watched& watched) const noexcept;
  void complete_all(OperationQueue& waiting, int error) noexcept;

  Worker& worker_;
  int epoll_;
  int wake_;                       // an eventfd
  std::vector<Watched*> watched_;  // by descriptor; null: not watched
  std::uint32_t generations_ = 0;
  OperationQueue ready_;
  bool is_asleep_ = false;  // hear() waits, and does not look at ready_
  std::mutex posting_;
  OperationQueue posted_;  // under posting_
};

}  // namespace picket::transport::internal
