#pragma once

#include <coroutine>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "picket/base/arena.hpp"
#include "picket/base/correlation_id.hpp"
#include "picket/base/timer_wheel.hpp"
#include "picket/pool/call.hpp"
#include "picket/pool/pin.hpp"
#include "picket/pool/waiting_queue.hpp"
#include "picket/session/agent_info.hpp"
#include "picket/transport/resumption.hpp"
#include "picket/wire/messages.hpp"

namespace picket::pool {

class Agent;

/// One HTTP exchange as one agent sees it: its events all take one connection, and its answers live until it ends.
///
/// The connection is picked with the first event. The agent is told when the exchange is over: by complete(), or by the
/// destructor.
///
///   const base::MintedId id = worker.ids().mint();
///   pool::Exchange exchange{agent, id, pool::Demand::declared};
///   auto head = exchange.request_headers(request, deadline);
///   const pool::Answer verdict = co_await head;
///   …                                                   // the same connection, whatever else is asked
///   exchange.complete({.status = 200});
///
/// Thread safety: the worker's thread. Lifetime: its agent's pool outlives it, and it outlives its calls; movable while
/// no call is pending and nobody waits until more is wanted. Errors: come with its calls (Call). Where the connection
/// that it has taken ends its later calls fail, since another one knows nothing of what was said before.
/// Complexity: its memory is borrowed from the agent, and given back with it.
class Exchange {
 public:
  /// `id`: minted by the worker; the same for all agents of one HTTP exchange; must live until the exchange is gone.
  /// Nothing is sent yet, and no connection is taken.
  Exchange(Agent& agent, const base::CorrelationId& id, Demand demand = Demand::declared);
  /// `other` is of no agent any more, and must not be used.
  Exchange(Exchange&& other) noexcept;
  Exchange& operator=(Exchange&&) = delete;
  ~Exchange();

  /// Takes the connection that other exchanges with this key take (sticky_sessions.hpp), for as long as it lives.
  /// Before the first call; `key` lives until that, or until the exchange is gone where it may begin again. Empty: any
  /// connection, which is how it begins.
  void stick_to(std::string_view key) noexcept { sticky_key_ = key; }

  /// Starts a call; without a deadline the pool's request_timeout holds. Which exchange it is of is written into the
  /// event. Calls of one exchange may be made without awaiting the ones before: where can_pipeline() is false a later
  /// one may overtake an earlier one in the agent's queue.
  template <class Event>
  [[nodiscard]] Call call(Event& event, base::Deadline deadline = {}) {
    return Call{*this, &event, kind_of(event), deadline};
  }
  [[nodiscard]] Call request_headers(wire::RequestHeaders& event, base::Deadline deadline = {}) {
    return call(event, deadline);
  }
  [[nodiscard]] Call request_body(wire::RequestBodyChunk& event, base::Deadline deadline = {}) {
    return call(event, deadline);
  }
  [[nodiscard]] Call response_headers(wire::ResponseHeaders& event, base::Deadline deadline = {}) {
    return call(event, deadline);
  }
  [[nodiscard]] Call response_body(wire::ResponseBodyChunk& event, base::Deadline deadline = {}) {
    return call(event, deadline);
  }
  [[nodiscard]] Call websocket_frame(wire::WebSocketFrame& event, base::Deadline deadline = {}) {
    return call(event, deadline);
  }
  [[nodiscard]] Call guardrail(wire::GuardrailInspect& event, base::Deadline deadline = {}) {
    return call(event, deadline);
  }

  /// Nobody looks any more at what was answered about a body of that kind, or about all heads where it is one of them:
  /// its memory is used again, so that one without end needs no more of it. No such call is pending.
  void forget_answers(wire::EventKind kind) noexcept { memory_for(kind, false).reset(); }
  /// The same of the frames of one direction, which may be any number. No call about one of that direction is pending.
  void forget_frame_answers(bool client_to_server) noexcept {
    memory_for(wire::EventKind::websocket_frame, client_to_server).reset();
  }

  /// The client is gone or nobody needs the answer: pending calls end as unavailable, the agent is told. Once it has
  /// taken a connection it takes no more calls; complete() is still to be said. Cancelling twice is cancelling once.
  void cancel(wire::CancelReason reason);
  /// The exchange is over. Pending calls are cancelled. Nothing but begin_again() may be called afterwards. An agent
  /// that is sent request_complete is told although it was asked nothing. Answers stay good until the exchange is gone.
  /// Completing twice is completing once.
  void complete(const wire::RequestComplete& summary);

  /// Whether it has taken a connection.
  [[nodiscard]] bool has_begun() const noexcept { return pin_.connection != nullptr; }
  /// Whether every later call would fail: the connection that it has taken is gone, or an event was not answered in
  /// time, which cancels all of it.
  [[nodiscard]] bool is_lost() const noexcept;
  /// What is asked from now on is another exchange, of `id`, on whichever connection it gets. Behind complete(). `id`:
  /// as the constructor's.
  void begin_again(const base::CorrelationId& id) noexcept;

  /// The agent asked for no more of this exchange's bodies for now (protocol.md §6). Calls go out all the same: who has
  /// a body to send asks first, and reads no more of it meanwhile. False before it has taken a connection. Complexity:
  /// where the agent has said how much it takes, one step per event in flight.
  [[nodiscard]] bool is_paused() const noexcept { return paused_until() > now() || body_room() == 0; }
  /// Bytes of this exchange's bodies that the agent takes now (update_capacity); session::unlimited where it has not
  /// said.
  [[nodiscard]] std::uint64_t body_room() const noexcept;

  /// Awaitable of more_wanted(). Thread safety: the worker's thread. Lifetime: the exchange stays where it is, and
  /// outlives it.
  class MoreWanted : public WaitingQueue::Place {
   public:
    MoreWanted(Exchange& exchange, base::Deadline deadline) noexcept;
    MoreWanted(const MoreWanted&) = delete;
    MoreWanted& operator=(const MoreWanted&) = delete;
    ~MoreWanted();
    [[nodiscard]] bool await_ready() const noexcept { return !exchange_.is_paused(); }
    void await_suspend(std::coroutine_handle<> waiter);
    void await_resume() const noexcept {}
    /// Goes on where the exchange is not paused any more, else when the pause is over, or the deadline has passed.
    void look();
    void stop_if_of(const Exchange& exchange) noexcept;

   private:
    Exchange& exchange_;
    base::Deadline deadline_;
    base::Timer timer_;
    transport::Resumption waiter_;
  };
  /// Awaitable: is_paused() is false, at once or once the agent has said so, its pause has lasted as long as one may,
  /// its connection is lost or the exchange is over; or `deadline` has passed, or it was stopped.
  ///
  ///   co_await exchange.more_wanted(deadline);
  ///   if (!exchange.is_paused()) …  // read on from whoever sends the body; else the deadline has passed
  [[nodiscard]] MoreWanted more_wanted(base::Deadline deadline = {}) noexcept { return {*this, deadline}; }

  /// Whoever waits until more is wanted goes on, paused or not. cancel() does so too.
  void stop_waiting() noexcept;

  /// Whether it must stay where it is.
  [[nodiscard]] bool has_pending_calls() const noexcept { return pending_ != nullptr; }
  /// What the agent said of itself on the pinned connection, before the first event on any that is ready; null without
  /// such a connection. Lifetime: until the caller returns to the loop: the connection may end.
  [[nodiscard]] const session::AgentInfo* agent_info() const noexcept;
  /// Whether its connection tells answers apart (event-reply), so that one is no answer to another event. False before
  /// it has taken one.
  [[nodiscard]] bool tells_answers_apart() const noexcept;
  /// Whether another event may now be put in flight beside one that is not answered: the connection tells answers apart
  /// (event-reply), little of what it was given waits to be written, and there is a place for it. In the agent's queue
  /// a later event could be overtaken by one that is later still.
  [[nodiscard]] bool can_pipeline() const noexcept;
  [[nodiscard]] Agent& agent() const noexcept { return *agent_; }
  /// The same, as its calls see it.
  [[nodiscard]] Call::Owner& owner_of_calls() const noexcept;
  /// Lifetime: the caller's, who minted it.
  [[nodiscard]] const base::CorrelationId& id() const noexcept { return *id_; }

 private:
  friend class Agent;  // docs/adr/0049

  static constexpr wire::EventKind kind_of(const wire::RequestHeaders&) { return wire::EventKind::request_headers; }
  static constexpr wire::EventKind kind_of(const wire::RequestBodyChunk&) {
    return wire::EventKind::request_body_chunk;
  }
  static constexpr wire::EventKind kind_of(const wire::ResponseHeaders&) { return wire::EventKind::response_headers; }
  static constexpr wire::EventKind kind_of(const wire::ResponseBodyChunk&) {
    return wire::EventKind::response_body_chunk;
  }
  static constexpr wire::EventKind kind_of(const wire::WebSocketFrame&) { return wire::EventKind::websocket_frame; }
  static constexpr wire::EventKind kind_of(const wire::GuardrailInspect&) { return wire::EventKind::guardrail_inspect; }

  [[nodiscard]] base::Arena& memory_for(const session::EventPointer& event, wire::EventKind kind);
  [[nodiscard]] base::Arena& memory_for(wire::EventKind kind, bool client_to_server);
  [[nodiscard]] base::TimePoint paused_until() const noexcept;
  [[nodiscard]] base::TimePoint now() const noexcept;
  [[nodiscard]] AgentConnection* pinned() const noexcept { return pin_.now(); }

  Agent* agent_;  // null once moved from
  const base::CorrelationId* id_;
  Pin pin_;     // the connection that its events take
  Pin second_;  // where a call of it was hedged
  Call* pending_ = nullptr;
  base::Arena arena_;  // the answers; borrowed from the agent
  // As arena_, once there are any: of the request's body, of the response's, or of frames in that direction; of texts.
  std::optional<base::Arena> request_body_answers_;
  std::optional<base::Arena> response_body_answers_;
  std::optional<base::Arena> guardrail_answers_;
  std::string_view sticky_key_;
  Demand demand_;
  bool completed_ = false;
};

}  // namespace picket::pool
