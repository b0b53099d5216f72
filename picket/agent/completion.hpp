#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "picket/agent/decision.hpp"

namespace picket::transport {
class Worker;
}

namespace picket::agent {

/// Says "the answer comes later" to the server. Only a Completion makes one, so a handler cannot promise an answer that
/// nobody holds.
///
/// Thread safety: a value without content.
class Deferred {
 private:
  friend class Completion;
  Deferred() = default;
};

/// The way back to a worker from any thread; closed when the server goes, after which posted jobs are dropped.
///
/// Thread safety: any thread. Lifetime: shared by whoever may still answer, so that it outlives them and the worker.
class Mailbox {
 public:
  /// `worker` outlives it, or the time until close().
  explicit Mailbox(transport::Worker& worker) noexcept : worker_(&worker) {}
  /// Runs on the worker, in the order of the calls from one thread. Dropped after close().
  void post(std::move_only_function<void()> job);
  /// The worker is about to go: returns when no post() is on its way to it any more.
  void close();

 private:
  std::mutex mutex_;
  transport::Worker* worker_;
};

/// Answers one event later.
///
/// Take it with Context::defer(), keep it, return deferred() from the handler, and call complete() when the decision is
/// there. One that is dropped without complete() leaves its event unanswered (see Unanswered); the exchange goes on
/// with its next event.
///
///   auto completion = context.defer();
///   const auto deferred = completion.deferred();
///   lookups_.start(ip, [c = std::move(completion)](bool listed) mutable { std::move(c).complete(decide(listed)); });
///   return deferred;
///
/// With Execution::handed_over the exchange's next event waits until this one is settled; on the loop it does not.
///
/// Thread safety: complete() from any thread, once.
/// Lifetime: may outlive connection and server; the answer is then dropped.
/// Complexity: a lock and a wake-up of the worker. A handler that knows its answer returns it instead.
class Completion {
 public:
  /// Called once, on the worker; without a decision where the completion was dropped.
  using Answer = std::move_only_function<void(std::optional<Decision>)>;
  Completion(std::shared_ptr<Mailbox> mailbox, Answer answer)
      : mailbox_(std::move(mailbox)), answer_(std::move(answer)) {}
  Completion(Completion&& other) noexcept
      : mailbox_(std::move(other.mailbox_)), answer_(std::exchange(other.answer_, nullptr)) {}
  Completion& operator=(Completion&&) = delete;
  ~Completion() { settle(std::nullopt); }

  /// What the handler returns. Take it before the completion moves to where it is kept.
  [[nodiscard]] Deferred deferred() const noexcept { return {}; }
  /// Answers. The completion is used up: `std::move(completion).complete(…)`. An answer that came too late (cancelled,
  /// disconnected, given up by the proxy) is dropped without a word.
  void complete(Decision decision) && { settle(std::move(decision)); }

 private:
  void settle(std::optional<Decision> decision);

  std::shared_ptr<Mailbox> mailbox_;
  Answer answer_;
};

}  // namespace picket::agent
