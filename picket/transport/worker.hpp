#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "picket/base/block_pool.hpp"
#include "picket/base/correlation_id.hpp"
#include "picket/base/limits.hpp"
#include "picket/base/time.hpp"
#include "picket/base/timer_wheel.hpp"
#include "picket/transport/busy_poll.hpp"
#include "picket/transport/resumption.hpp"

namespace picket::transport {

namespace internal {
class Reactor;
}

/// Something that has output to write once the current loop turn is over. Thread safety: its worker's. Lifetime: calls
/// Worker::forget() before it goes; not movable while it is queued.
///
/// A Link is one: what its session has to say waits for the end of the turn, so that several calls leave in one write.
class Flushable {
 public:
  /// Called once for each time that it was queued. It may queue itself, and others, again: those are flushed in the
  /// same turn.
  virtual void flush() = 0;

 protected:
  virtual ~Flushable() = default;  // virtual only because GCC takes a friend for everybody

 private:
  friend class Worker;
  bool queued_ = false;
};

/// How many threads serve one worker.
enum class Threading : std::uint8_t {
  single,  ///< One: no lock anywhere on the path. The rule.
  shared,  ///< One listens, the others work: for work that is long beside a system call, see Worker::hand_over().
};

/// A value; what stands here cannot be changed while the worker lives.
struct WorkerOptions {
  Threading threading = Threading::single;
  /// Stays awake for waits that have proved short (busy_poll.hpp). A loop of several threads never does.
  bool busy_polling = true;
};

/// One thread's event loop and all that belongs to that thread: clock, timers, ids, memory. Nothing of it is shared.
///
/// A turn: wait for readiness, awake or asleep, run what is ready, fire due timers, let go on who was waiting for any
/// of it, then flush every connection that has output: what one turn produced leaves in one system call per connection,
/// but for what a Link's own reads brought forth (frame_link.hpp). Nobody is resumed below a handler, a timer or
/// another's call, so that none of them has to expect that what it works on ends meanwhile. Thread safety: post() and
/// stop() from any thread; everything else only from the thread inside run(), and where several are inside, only under
/// enter(). Handlers, timers, resumptions, flushes and posted jobs run under it.
///
///   transport::Worker worker;
///   worker.post([&worker] { transport::spawn(serve(worker)); });
///   std::thread thread{[&worker] { worker.run(); }};
///   …
///   worker.stop();  // from any thread
///   thread.join();
///
/// Lifetime: outlives all that is made with it: links, streams, timers, pools, ids. Errors: making one throws where the
/// system gives no memory or descriptors. Complexity: a turn that finds nothing to do sleeps; timers cost no system
/// call of their own.
class Worker {
 public:
  explicit Worker(WorkerOptions options = {});
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  /// The time of this turn; one clock read per turn.
  [[nodiscard]] base::TimePoint now() noexcept { return clock_.now(); }
  /// Thread safety: as the worker. A timer that is armed is looked at in the turn that it is due in.
  [[nodiscard]] base::TimerWheel& timers() noexcept { return timers_; }
  /// Of this worker: an id is of no use on another.
  [[nodiscard]] base::CorrelationIds& ids() noexcept { return ids_; }
  /// Memory for bodies, with a budget of what may be held of them (BlockPool::set_budget).
  [[nodiscard]] base::BlockPool& blocks() noexcept { return blocks_; }
  [[nodiscard]] const base::BlockPool& blocks() const noexcept { return blocks_; }

  /// Memory for one read, limits::tail_padding readable bytes behind it. Borrowed until the caller returns to the loop.
  [[nodiscard]] std::span<char> scratch() noexcept { return {scratch_.get(), scratch_size}; }
  /// bytes
  static constexpr std::size_t scratch_size = 256 * 1024;

  /// Lets whoever waits there go on: in this turn, before it flushes, once the handler that is running has returned.
  /// Nothing where nobody waits. In their order; what is over resumptions_per_turn goes on in the next turn, after what
  /// is ready by then.
  void resume(Resumption& resumption) noexcept { resumptions_.push(resumption); }
  /// So that coroutines which wake each other for ever do not keep sockets and timers waiting.
  static constexpr int resumptions_per_turn = 1024;
  /// Has who goes on from here do so in the next turn: whoever runs has had its share of this one.
  void give_way() noexcept { resumptions_left_ = 0; }
  /// Whether anybody is about to go on. Complexity: O(1).
  [[nodiscard]] bool has_resumptions() const noexcept { return !resumptions_.empty(); }

  /// Has `item` flushed at the end of this turn, once however often it asks. Complexity: O(1).
  void flush_later(Flushable& item) {
    if (item.queued_) return;
    item.queued_ = true;
    dirty_.push_back(&item);
  }
  /// Something was written for somebody to answer: said by whoever wrote it, since the next wait hangs on it
  /// (BusyPoll).
  void wrote() noexcept { wrote_ = true; }
  /// `item` goes away. It is not flushed any more, also where the flushing has begun. Complexity: a scan of those that
  /// are queued.
  void forget(Flushable& item) noexcept;

  /// Holds the other threads of a shared worker off; nothing where there is one thread. Do not wait for anything while
  /// you hold it: the whole worker waits with you.
  [[nodiscard]] std::unique_lock<std::mutex> enter() {
    return options_.threading == Threading::shared ? std::unique_lock{mutex_} : std::unique_lock<std::mutex>{};
  }
  /// Runs `job` without the lock on one of the threads that do not listen: on the one that became idle last, whose
  /// caches still know such work. It waits while all of them are busy. Shared workers only; call it under enter(). How
  /// many jobs wait is not bounded here: whoever hands over bounds what he takes in.
  void hand_over(std::move_only_function<void()> job);

  /// Serves until stop(). On a shared worker two threads or more call it: the first one listens, so that control
  /// messages are heard however long the jobs of the others are. Once: after stop() a worker serves no more, and run()
  /// returns at once.
  void run();
  /// One turn: waits for something to do, at most until `until`. For tests and for tools that drive the loop
  /// themselves. A point that is over: does what is ready, and waits for nothing. Not while run() is running, and by
  /// one thread.
  void turn(base::TimePoint until);
  /// Ends run() once everything posted before has run. It returns at once; whoever needs the end joins the threads that
  /// are inside run(). What is suspended then stays so.
  void stop();
  /// Runs `job` on this worker in a later turn. Takes a lock: not for the hot path. In the order of the calls of one
  /// thread. A job that is posted after stop() never runs, and is destroyed with the worker. Errors: std::bad_alloc.
  void post(std::move_only_function<void()> job);

 private:
  friend class Descriptor;  // waits in the loop

  std::size_t wait(base::TimePoint until);
  std::size_t look(base::TimePoint until);
  std::size_t wait_awake(base::TimePoint until);
  std::size_t wait_asleep(base::TimePoint until);
  void begin_turn() noexcept;
  void run_ready();
  void resume_all();
  void flush_all();
  void finish_turn();
  [[nodiscard]] bool claims_loop();
  void work();
  void call_last_idle();
  void run_job(std::unique_lock<std::mutex>& lock);

  /// A thread that runs jobs.
  struct Helper {
    std::condition_variable called;
    bool is_called = false;
  };

  base::BlockPool blocks_;  // outlives what handlers hold of it
  std::unique_ptr<internal::Reactor> reactor_;
  base::CoarseClock clock_;
  base::TimerWheel timers_;
  base::CorrelationIds ids_;
  std::unique_ptr<char[]> scratch_;
  ResumptionQueue resumptions_;
  int resumptions_left_ = 0;  // in this turn
  std::vector<Flushable*> dirty_;
  bool wrote_ = false;  // in this turn
  std::mutex mutex_;
  std::deque<std::move_only_function<void()>> jobs_;
  std::vector<Helper*> idle_;    // the longest idle first
  std::vector<Helper*> called_;  // to be woken at the end of this turn
  bool has_listener_ = false;
  std::atomic<bool> stopped_{false};
  WorkerOptions options_;
  BusyPoll busy_poll_;
  base::TimePoint turn_began_{};  // the last that something came for
};

}  // namespace picket::transport
