#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <variant>

#include "picket/agent/agent_handle.hpp"
#include "picket/agent/completion.hpp"
#include "picket/agent/context.hpp"
#include "picket/agent/decision.hpp"
#include "picket/agent/info.hpp"
#include "picket/agent/metrics.hpp"
#include "picket/base/overloaded.hpp"
#include "picket/base/result.hpp"
#include "picket/session/event_message.hpp"
#include "picket/wire/messages.hpp"

namespace picket::agent {

using wire::GuardrailInspect;
using wire::RequestBodyChunk;
using wire::RequestComplete;
using wire::RequestHeaders;
using wire::ResponseBodyChunk;
using wire::ResponseHeaders;
using wire::WebSocketFrame;

/// Says "there will be no answer": for an event that could not be judged. The proxy's time-out and failure mode decide,
/// never "allow". Its client waits for as long as that time-out is.
struct Unanswered {};

/// What a handler returns: a Decision now, Completion::deferred() for one that comes later, or Unanswered.
using Reply = std::variant<Decision, Deferred, Unanswered>;

/// What a handler says to a configuration: accepted, or refused with the reason; or Completion::deferred() where that
/// takes long: completed with allow, or with a block whose body is the reason.
using Acceptance = std::variant<base::Status, Deferred>;

namespace kit {
class Exchange;
}

namespace internal {

class ServedConnection;

/// A handler as the server holds it, whatever state it keeps.
///
/// Thread safety: metrics() and agent() any thread; what is called on events as HandlerWith says. Lifetime: its
/// server's, which destroys it after the last event.
class AnyHandler {
 public:
  AnyHandler();
  AnyHandler(const AnyHandler&) = delete;
  AnyHandler& operator=(const AnyHandler&) = delete;
  virtual ~AnyHandler() = default;

  /// Who this agent is. Called before any event, and more than once: it should say the same each time.
  [[nodiscard]] virtual Info info() const = 0;

  /// What this handler counts. May be used from the constructor on; the proxies' pages have the sums over all workers.
  [[nodiscard]] Metrics& metrics() noexcept { return metrics_; }
  [[nodiscard]] const Metrics& metrics() const noexcept { return metrics_; }
  /// The agent as its proxies see it. May be used from the constructor on.
  [[nodiscard]] AgentHandle agent() const { return AgentHandle{standing_}; }
  /// For whoever serves it.
  [[nodiscard]] Standing& standing() const noexcept { return *standing_; }

 private:
  friend class ServedConnection;
  friend class kit::Exchange;
  [[nodiscard]] virtual Reply handle(const session::EventMessage& event, const Moment& moment) = 0;
  virtual void cancelled(const Moment& moment) = 0;
  [[nodiscard]] virtual std::shared_ptr<AnyState> connect() = 0;

  Metrics metrics_;
  std::shared_ptr<Standing> standing_;
};

[[nodiscard]] Reply reply_to(Acceptance acceptance);

/// Makes what a handler keeps per connection. A type that cannot be made from nothing makes its handler abstract until
/// it says how.
template <class Connection, bool from_nothing = std::default_initializable<Connection>>
struct ConnectionMaker : AnyHandler {
  /// What this handler keeps for one connection, made before the connection's first event.
  [[nodiscard]] virtual std::shared_ptr<Connection> make_connection() { return std::make_shared<Connection>(); }
};
template <class Connection>
struct ConnectionMaker<Connection, false> : AnyHandler {
  [[nodiscard]] virtual std::shared_ptr<Connection> make_connection() = 0;
};
template <>
struct ConnectionMaker<NoState, true> : AnyHandler {};

}  // namespace internal

/// What an agent does. The events that you override are those that the agent asks the proxy for; the others do not
/// come.
///
///   struct Denylist final : picket::agent::Handler {
///     Info info() const override { return {.id = "denylist"}; }
///     Reply on_request_headers(const RequestHeaders& request, Context&) override { return judge(request); }
///   };
///
/// `State` is what it keeps per exchange, `Connection` per connection: see ContextWith. Within the class `Context` is
/// the context with these types.
///
/// Thread safety: with Execution::on_loop there is one handler per worker and its functions run one at a time; with
/// Execution::handed_over several threads share one handler, and only the events of one exchange come one at a time.
/// A body may come before the answer to its head is given, and after a head that was blocked: on_cancel follows then.
/// Lifetime: events are views, valid during the call; what is kept beyond it must be copied (wire::copy_into).
/// Errors: do not throw; an exception ends the process. Return Unanswered where an event cannot be judged.
template <class State, class Connection = NoState>
class HandlerWith : public internal::ConnectionMaker<Connection> {
 public:
  using Context = std::conditional_t<std::same_as<State, NoState> && std::same_as<Connection, NoState>, agent::Context,
                                     ContextWith<State, Connection>>;
  /// The class whose functions say "not overridden".
  using Defaults = HandlerWith;

  /// A request's head, before anything of it goes upstream. Asked once per exchange.
  virtual Reply on_request_headers(const RequestHeaders& /*event*/, Context& /*context*/) { return Decision::allow(); }
  /// A chunk of the request's body. Where it is cut is the client's choice and the proxy's: a pattern may lie across
  /// two. The last one has `is_last`, and may be empty. Units: bytes.
  virtual Reply on_request_body(const RequestBodyChunk& /*event*/, Context& /*context*/) { return Decision::allow(); }
  /// The head of the upstream's answer, before the client sees any of it. A block, redirect or challenge takes its
  /// place.
  virtual Reply on_response_headers(const ResponseHeaders& /*event*/, Context& /*context*/) {
    return Decision::allow();
  }
  /// A chunk of the answer's body, as on_request_body.
  virtual Reply on_response_body(const ResponseBodyChunk& /*event*/, Context& /*context*/) { return Decision::allow(); }
  /// A frame of either direction; `frame_index` counts per direction. A message may be several frames (RFC 6455 §5.4).
  virtual Reply on_websocket_frame(const WebSocketFrame& /*event*/, Context& /*context*/) { return Decision::allow(); }
  /// Text for a language model, or from one.
  virtual Reply on_guardrail(const GuardrailInspect& /*event*/, Context& /*context*/) { return Decision::allow(); }

  /// The exchange is over; its state goes away after this. Nobody waits for it: what takes time here delays later
  /// events of this worker, and no client.
  virtual void on_complete(const RequestComplete& /*event*/, Context& /*context*/) {}
  /// Nobody wants answers for this exchange any more (cancelled, connection lost, expired); its state goes away after
  /// this.
  virtual void on_cancel(Context& /*context*/) {}

  /// The proxy's configuration for this agent: once per connection before anything else, and again when it is reloaded.
  /// An error refuses it, with the reason, and a new connection is not used. Agents refuse keys they do not know; by
  /// default any key. The context's exchange is this event's alone.
  [[nodiscard]] virtual Acceptance on_configure(const wire::Value& /*config*/, Context& /*context*/) {
    return base::Status{};
  }

 private:
  Reply handle(const session::EventMessage& event, const internal::Moment& moment) final;
  void cancelled(const internal::Moment& moment) final {
    Context context{moment};
    on_cancel(context);
  }
  std::shared_ptr<internal::AnyState> connect() final {
    if constexpr (std::same_as<Connection, NoState>)
      return nullptr;
    else
      return std::make_shared<internal::Held<std::shared_ptr<Connection>>>(this->make_connection());
  }
};

template <class State, class Connection>
Reply HandlerWith<State, Connection>::handle(const session::EventMessage& event, const internal::Moment& moment) {
  Context context{moment};
  return std::visit(
      base::Overloaded{
          [&](const RequestHeaders* head) { return on_request_headers(*head, context); },
          [&](const RequestBodyChunk* chunk) { return on_request_body(*chunk, context); },
          [&](const ResponseHeaders* head) { return on_response_headers(*head, context); },
          [&](const ResponseBodyChunk* chunk) { return on_response_body(*chunk, context); },
          [&](const WebSocketFrame* frame) { return on_websocket_frame(*frame, context); },
          [&](const GuardrailInspect* content) { return on_guardrail(*content, context); },
          [&](const RequestComplete* end) {
            on_complete(*end, context);
            return Reply{Decision::allow()};
          },
          [&](const wire::Configure* told) { return internal::reply_to(on_configure(told->config, context)); },
      },
      event);
}

/// A handler that keeps nothing per exchange or connection. Thread safety, Lifetime, Errors: as HandlerWith.
using Handler = HandlerWith<NoState>;

}  // namespace picket::agent
