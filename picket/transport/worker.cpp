#include "picket/transport/worker.hpp"

#include <algorithm>
#include <utility>

#include "picket/transport/internal/reactor.hpp"

namespace picket::transport {
namespace {

// Handlers run per turn at most: a flood on some connections must not keep the others' output waiting.
constexpr std::size_t handlers_per_turn = 256;
// A wait that ends at once reads no clock.
constexpr int looks_per_clock_read = 16;
// Threads that share a loop look at the timers so often even when nothing happens: a timer armed by one does not wake
// another.
constexpr base::Duration shared_wait = std::chrono::milliseconds{500};

}  // namespace

Worker::Worker(WorkerOptions options)
    : reactor_(std::make_unique<internal::Reactor>(*this)),
      timers_(base::Clock::now()),
      scratch_(std::make_unique<char[]>(scratch_size + base::limits::tail_padding)),
      options_(options) {}

Worker::~Worker() = default;

void Worker::forget(Flushable& item) noexcept {
  if (!item.queued_) return;
  item.queued_ = false;
  std::ranges::replace(dirty_, &item, nullptr);  // not erased: finish_turn() may be walking the list
}

void Worker::run() {
  if (!claims_loop()) return work();
  while (!stopped_.load(std::memory_order_acquire)) turn(base::TimePoint::max());
}

/// Whether the calling thread is the one that listens.
bool Worker::claims_loop() {
  const auto guard = enter();
  return options_.threading == Threading::single || !std::exchange(has_listener_, true);
}

void Worker::begin_turn() noexcept {
  clock_.begin_turn();
  resumptions_left_ = resumptions_per_turn;
}

void Worker::turn(base::TimePoint until) {
  const bool is_single = options_.threading == Threading::single;
  {
    const auto guard = enter();
    begin_turn();
    if (const auto next = timers_.next(); next && *next < until) until = *next;
    if (!is_single) until = std::min(until, now() + shared_wait);
    // What the last turn left, or whoever called from outside the loop, must not wait for an event.
    if (!dirty_.empty() || has_resumptions()) until = base::TimePoint::min();
  }
  const std::size_t ran = wait(until);
  if (is_single && ran != 0) {
    resume_all();
    run_ready();
  }
  {
    const auto guard = enter();
    if (ran == 0 || !is_single) clock_.begin_turn();  // the wait took time, and no handler has read the clock since
    finish_turn();
  }
}

/// Those that are ready now. What they bring about is for the next turn.
void Worker::run_ready() {
  std::size_t left = std::min(reactor_->ready(), handlers_per_turn);
  for (; left != 0 && !stopped_.load(std::memory_order_relaxed); --left) {
    reactor_->run_one();
    resume_all();
  }
}

/// Runs one handler once there is one, until `until` at most; returns how many ran.
std::size_t Worker::wait(base::TimePoint until) {
  if (until == base::TimePoint::min()) return look(until);
  if (!options_.busy_polling || options_.threading == Threading::shared) return wait_asleep(until);
  const bool awake = busy_poll_.pays();
  std::size_t ran = awake ? wait_awake(until) : 0;
  if (ran == 0) ran = wait_asleep(until);
  if (ran != 0) {
    const base::TimePoint last_turn = std::exchange(turn_began_, now());
    if (!awake) busy_poll_.slept(turn_began_ - last_turn);
  } else if (!awake) {
    busy_poll_.slept(base::Duration::max());
  }
  return ran;
}

/// The same: asleep, unless there is something or `until` is over.
std::size_t Worker::look(base::TimePoint until) {
  if (stopped_.load(std::memory_order_acquire)) return 0;
  reactor_->hear(until);
  return reactor_->run_one() ? 1 : 0;
}

/// The same, without sleeping, for BusyPoll::longest at most.
std::size_t Worker::wait_awake(base::TimePoint until) {
  base::TimePoint end = base::TimePoint::max();
  for (int looks = 1;; ++looks) {
    const std::size_t ran = look(base::TimePoint::min());
    if (ran != 0) {
      busy_poll_.stayed_awake(true);
      return ran;
    }
    if (looks % looks_per_clock_read != 0) continue;
    const base::TimePoint time = base::Clock::now();
    if (time >= until) return 0;  // a timer is due, which says nothing of events
    if (end == base::TimePoint::max()) end = time + BusyPoll::longest;
    if (time >= end) {
      busy_poll_.stayed_awake(false);
      return 0;
    }
  }
}

std::size_t Worker::wait_asleep(base::TimePoint until) {
  const std::size_t ran = look(until);
  // Where this thread did not get to run in time, what came meanwhile is heard before a timer says that nothing did.
  return ran != 0 ? ran : look(base::TimePoint::min());
}

/// A thread that does not listen: jobs, until stop().
void Worker::work() {
  Helper self;
  auto lock = enter();
  while (!stopped_.load(std::memory_order_acquire)) {
    if (!jobs_.empty()) {
      run_job(lock);
      continue;
    }
    idle_.push_back(&self);
    self.called.wait(lock, [&] { return self.is_called; });
    self.is_called = false;
    std::erase(called_, &self);  // where it woke by itself
  }
}

/// The first that waits, without the lock; what came of it leaves at once.
void Worker::run_job(std::unique_lock<std::mutex>& lock) {
  auto job = std::move(jobs_.front());
  jobs_.pop_front();
  lock.unlock();
  job();
  lock.lock();
  begin_turn();
  finish_turn();
}

void Worker::hand_over(std::move_only_function<void()> job) {
  jobs_.push_back(std::move(job));
  if (!idle_.empty()) call_last_idle();
}

void Worker::call_last_idle() {
  idle_.back()->is_called = true;
  called_.push_back(idle_.back());
  idle_.pop_back();
}

void Worker::finish_turn() {
  timers_.advance(now());
  // A flush may end what somebody waits for: what he produces is flushed in the same turn.
  do {
    resume_all();
    flush_all();
  } while (has_resumptions() && resumptions_left_ > 0);
  if (has_resumptions() && options_.threading == Threading::shared) reactor_->wake();
  busy_poll_.turn_ends(std::exchange(wrote_, false));
  for (Helper* const helper : called_) helper->called.notify_one();
  called_.clear();
}

void Worker::resume_all() {
  for (; has_resumptions() && resumptions_left_ > 0; --resumptions_left_) resumptions_.run_first();
}

void Worker::flush_all() {
  for (std::size_t i = 0; i < dirty_.size(); ++i) {
    Flushable* const item = dirty_[i];
    if (item == nullptr) continue;
    item->queued_ = false;
    item->flush();
  }
  dirty_.clear();
}

void Worker::stop() {
  post([this] {
    stopped_.store(true, std::memory_order_release);
    while (!idle_.empty()) call_last_idle();
  });
}

void Worker::post(std::move_only_function<void()> job) {
  using Job = std::move_only_function<void()>;
  const auto run = [](std::shared_ptr<void>& posted, const Completion&) { (*static_cast<Job*>(posted.get()))(); };
  reactor_->post({run, std::make_shared<Job>(std::move(job))});
}

}  // namespace picket::transport
