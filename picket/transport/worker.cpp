#include "picket/transport/worker.hpp"

#include <algorithm>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace picket::transport {
namespace {

// Handlers run per turn at most: a flood on some connections must not keep the others' output waiting.
constexpr int handlers_per_turn = 256;

}  // namespace

/// The loop and what keeps it waiting while nothing is pending.
struct Worker::Loop {
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard =
      boost::asio::make_work_guard(context);
};

Worker::Worker()
    : loop_(std::make_unique<Loop>()),
      timers_(base::Clock::now()),
      scratch_(std::make_unique<char[]>(scratch_size + base::limits::tail_padding)) {}

Worker::~Worker() = default;

boost::asio::io_context& Worker::context() noexcept { return loop_->context; }

void Worker::forget(Flushable& item) noexcept {
  if (!item.queued_) return;
  item.queued_ = false;
  std::ranges::replace(dirty_, &item, nullptr);  // not erased: finish_turn() may be walking the list
}

void Worker::run() {
  while (!stopped_) turn(base::TimePoint::max());
}

void Worker::turn(base::TimePoint until) {
  clock_.begin_turn();
  if (const auto next = timers_.next(); next && *next < until) until = *next;
  const std::size_t ran =
      until == base::TimePoint::max() ? loop_->context.run_one() : loop_->context.run_one_until(until);
  if (ran == 0) clock_.begin_turn();  // the wait took time, and no handler has read the clock since
  for (int i = 1; ran != 0 && i < handlers_per_turn && loop_->context.poll_one() != 0; ++i) {
  }
  finish_turn();
}

void Worker::finish_turn() {
  timers_.advance(now());
  // A flush may resume someone who produces more: that is flushed in the same turn.
  for (std::size_t i = 0; i < dirty_.size(); ++i) {
    Flushable* const item = dirty_[i];
    if (item == nullptr) continue;
    item->queued_ = false;
    item->flush();
  }
  dirty_.clear();
}

void Worker::stop() {
  post([this] { stopped_ = true; });
}

void Worker::post(std::move_only_function<void()> job) {
  boost::asio::post(loop_->context, [job = std::move(job)]() mutable { job(); });
}

}  // namespace picket::transport
