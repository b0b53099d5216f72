#pragma once

#include <functional>
#include <memory>
#include <variant>

#include "picket/agent/completion.hpp"
#include "picket/agent/context.hpp"
#include "picket/agent/decision.hpp"
#include "picket/session/agent_info.hpp"
#include "picket/wire/messages.hpp"

namespace picket::agent {

using wire::GuardrailInspect;
using wire::RequestBodyChunk;
using wire::RequestComplete;
using wire::RequestHeaders;
using wire::ResponseBodyChunk;
using wire::ResponseHeaders;
using wire::WebSocketFrame;

/// What a handler returns: a Decision now, or Completion::deferred() for one that comes later.
using Reply = std::variant<Decision, Deferred>;

/// What a handler says to a configuration: accepted, or refused with the reason; or Completion::deferred() where that
/// takes long: completed with allow, or with a block whose body is the reason.
using Acceptance = std::variant<base::Status, Deferred>;

/// What an agent does. Override what you declare in info(); the rest allows.
///
/// Thread safety: with Execution::on_loop there is one handler per worker and its functions run one at a time; with
/// Execution::handed_over several threads share one handler, and only the events of one exchange come one at a time.
/// A body may come before the answer to its head is given, and after a head that was blocked: on_cancel follows then.
/// Lifetime: events are views, valid during the call; what is kept beyond it must be copied (wire::copy_into).
/// Errors: do not throw; an exception ends the process.
class Handler {
 public:
  virtual ~Handler() = default;

  /// Name, version, and the kinds of event that are wanted.
  [[nodiscard]] virtual session::AgentInfo info() const = 0;

  virtual Reply on_request_headers(const RequestHeaders& /*event*/, Context& /*context*/) { return Decision::allow(); }
  virtual Reply on_request_body(const RequestBodyChunk& /*event*/, Context& /*context*/) { return Decision::allow(); }
  virtual Reply on_response_headers(const ResponseHeaders& /*event*/, Context& /*context*/) {
    return Decision::allow();
  }
  virtual Reply on_response_body(const ResponseBodyChunk& /*event*/, Context& /*context*/) { return Decision::allow(); }
  virtual Reply on_websocket_frame(const WebSocketFrame& /*event*/, Context& /*context*/) { return Decision::allow(); }
  virtual Reply on_guardrail(const GuardrailInspect& /*event*/, Context& /*context*/) { return Decision::allow(); }

  /// The exchange is over; its state goes away after this.
  virtual void on_complete(const RequestComplete& /*event*/, Context& /*context*/) {}
  /// Nobody wants answers for this exchange any more (cancelled, connection lost, expired); its state goes away after
  /// this.
  virtual void on_cancel(Context& /*context*/) {}

  /// What this handler keeps per connection, made before the connection's first event; none by default. It lives as
  /// long as the connection and its exchanges. See Context::connection_state().
  [[nodiscard]] virtual std::shared_ptr<void> make_connection_state() { return nullptr; }

  /// The proxy's configuration for this agent: once per connection before anything else, and again when it is reloaded.
  /// An error refuses it, with the reason, and a new connection is not used. Agents refuse keys they do not know; by
  /// default any key. The context's exchange is this event's alone.
  [[nodiscard]] virtual Acceptance on_configure(const wire::Value& config, Context& context);
};

/// Makes one handler per worker.
using HandlerFactory = std::function<std::unique_ptr<Handler>()>;

}  // namespace picket::agent
