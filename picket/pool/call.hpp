#pragma once

#include <coroutine>
#include <cstdint>

#include "picket/base/result.hpp"
#include "picket/base/time.hpp"
#include "picket/base/timer_wheel.hpp"
#include "picket/pool/breaker.hpp"
#include "picket/pool/waiting_queue.hpp"
#include "picket/session/in_flight.hpp"
#include "picket/transport/resumption.hpp"
#include "picket/wire/messages.hpp"

namespace picket::pool {

class Agent;
class Exchange;

/// What an agent said to an event, or why it said nothing. The response is its exchange's, and lives as long, or until
/// Exchange::forget_answers(); where there is no error it is never null.
using Answer = base::Result<const wire::AgentResponse*>;

/// How many of several calls have ended that nobody has been told of, and who waits to be.
struct EndedCalls {
  std::size_t count = 0;
  transport::Resumption waiter;
};

/// One event on its way to an agent and back: starts when it is made, is awaited for its answer.
///
///   pool::Call call = exchange.request_headers(event, deadline);
///   const pool::Answer answer = co_await call;
///   if (!answer) return refuse(answer.error());
///
/// `co_await exchange.request_headers(event)` yields an Answer; what it points to lives as long as its exchange.
/// Several calls at once are awaited through a CallSet. Destroying a pending call cancels its exchange, and with it
/// whatever else of that is pending.
///
/// Thread safety: the worker's thread. Lifetime: the event and all it refers to, and the exchange, must outlive the
/// call. Not movable. Errors: timeout, unavailable (nothing to send it to, or too many wait), circuit_open,
/// flow_control_paused, connection_closed, invalid_message (the agent broke the protocol), message_too_large.
/// Complexity: no coroutine frame, no allocation.
///
/// What the errors say: timeout, the deadline has passed, in the queue or at the agent; unavailable, it was not asked,
/// or the exchange was cancelled; connection_closed, invalid_message or io, its connection ended, and whether the agent
/// has done anything is not known.
class Call : WaitingQueue::Place {
 public:
  /// Who takes calls to the agent, and ends them: the agent as its calls see it.
  class Owner {
   public:
    /// A call was made, and may be done when this returns. Lifetime: the call stays where it is until it is done.
    virtual void start(Call& call) = 0;
    /// It has waited for as long as it may, or was in flight for longer than most.
    virtual void on_due(Call& call) = 0;

   protected:
    ~Owner() = default;
  };

  /// By Exchange::call() and its like. It may be done at once: where it was refused, or is skipped.
  Call(Exchange& exchange, session::EventPointer event, wire::EventKind kind, base::Deadline deadline);
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call();

  /// Answered, failed or skipped: nothing of it changes any more.
  [[nodiscard]] bool done() const noexcept { return state_ == State::done; }
  /// Valid once done().
  [[nodiscard]] const Answer& result() const noexcept { return result_; }
  /// What the agent said; valid where result() is no error. Lifetime: the exchange's.
  [[nodiscard]] const wire::AgentResponse& response() const noexcept { return **result_; }
  /// Done without having been asked, since the agent does not take events of this kind: the result is an allow that
  /// nobody decided. Only of an exchange that demands nothing else (Demand::declared).
  [[nodiscard]] bool skipped() const noexcept { return unsent_ == Unsent::skipped; }
  /// Done since more calls than may wait for the agent: it may be well, and is asked too much.
  [[nodiscard]] bool overloaded() const noexcept { return unsent_ == Unsent::overloaded; }

  // Awaitable, by one coroutine at a time: it goes on once the handler that ended the call has returned.
  [[nodiscard]] bool await_ready() const noexcept { return done(); }
  // Never resumed from within whoever ended it: through the worker's queue.
  void await_suspend(std::coroutine_handle<> waiter) noexcept { waiter_.wait(waiter); }
  [[nodiscard]] Answer await_resume() const { return result_; }
  /// Its end counts there, in place of resuming who awaits it (CallSet). They outlive its being pending.
  void count_into(EndedCalls& ended) noexcept {
    ended_ = &ended;
    if (done()) ++ended.count;
  }

 private:
  friend class Agent;  // moves it from state to state (docs/adr/0049)
  enum class State : std::uint8_t {
    waiting,    ///< In the agent's queue for a free place.
    in_flight,  ///< Handed to a session.
    done,
  };

  /// Why the agent was not asked, as far as the result does not say it.
  enum class Unsent : std::uint8_t { no, skipped, overloaded };

  [[nodiscard]] session::Tag tag() noexcept { return reinterpret_cast<session::Tag>(this); }
  [[nodiscard]] static Call& of(session::Tag tag) noexcept { return *reinterpret_cast<Call*>(tag); }

  Exchange& exchange_;
  session::EventPointer event_;
  wire::EventKind kind_;
  State state_ = State::waiting;
  std::uint8_t copies_ = 0;  // in flight: two of a hedged call
  Unsent unsent_ = Unsent::no;
  Breaker::Permit permit_ = Breaker::Permit::none;
  base::Deadline deadline_;
  base::TimePoint started_;
  base::Timer timer_;  // while waiting in the queue, and until it is hedged; in flight the session keeps the deadline
  base::Error waiting_for_{base::ErrorKind::timeout};  // what it fails with when the timer strikes
  Call* next_of_exchange_ = nullptr;                   // its exchange's pending calls
  transport::Resumption waiter_;
  EndedCalls* ended_ = nullptr;  // in whose place the waiter is
  Answer result_;
};

/// Awaits a call's end and leaves its result where it is: call.result(). Copies no error.
///
/// Thread safety: the worker's thread. Lifetime: the call outlives it.
class Ended {
 public:
  explicit Ended(Call& call) noexcept : call_(call) {}
  [[nodiscard]] bool await_ready() const noexcept { return call_.await_ready(); }
  void await_suspend(std::coroutine_handle<> waiter) noexcept { call_.await_suspend(waiter); }
  void await_resume() const noexcept {}

 private:
  Call& call_;
};

/// Several calls at once: `co_await set.next()` resumes when at least one more call has ended, at once where one
/// already has. Whoever awaits it looks which by Call::done(): one next() may tell of several.
///
///   for (auto& call : calls) set.add(call);
///   while (!merged(calls)) co_await set.next();
///
/// Thread safety: the worker's thread. Lifetime: outlives its calls' being pending. Complexity: O(1) each; it keeps no
/// list of its calls.
class CallSet {
 public:
  CallSet() = default;
  CallSet(const CallSet&) = delete;
  CallSet& operator=(const CallSet&) = delete;

  /// Each call to one set, which is awaited in its place.
  void add(Call& call) noexcept { call.count_into(ended_); }

  /// Awaitable of next(). Thread safety: the worker's thread. Lifetime: the set outlives it.
  class Next {
   public:
    explicit Next(EndedCalls& ended) noexcept : ended_(ended) {}
    [[nodiscard]] bool await_ready() const noexcept { return ended_.count != 0; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { ended_.waiter.wait(waiter); }
    void await_resume() const noexcept { ended_.count = 0; }

   private:
    EndedCalls& ended_;
  };
  /// For one who awaits at a time. Without a pending call it never resumes.
  [[nodiscard]] Next next() noexcept { return Next{ended_}; }

 private:
  EndedCalls ended_;
};

}  // namespace picket::pool
