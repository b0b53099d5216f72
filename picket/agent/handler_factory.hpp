#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "picket/agent/handler.hpp"

namespace picket::session {
struct AgentInfo;
}

namespace picket::agent {
namespace internal {

/// Whether a handler overrides what its base does with an event. `given` is its function, `wanted` the type that an
/// override has. Errors: does not compile for a function of the same name with other parameters, which would hide the
/// base's and never be called. Complexity: nothing at run time.
template <class Wanted, class Given, class Default>
consteval bool overrides(Given /*given*/, Default /*fallback*/) {
  static_assert(std::is_convertible_v<Given, Wanted>,
                "a function of this handler hides the one that it seems to override: write `override` and look at its "
                "parameters");
  return !std::is_same_v<Given, Default>;
}

/// The events that H overrides, which are those that it is sent. on_cancel is none of them: it is told to whoever saw
/// something of the exchange.
template <class H>
std::vector<wire::EventKind> overridden_events() {
  using Base = typename H::Defaults;
  using Context = typename H::Context;
  using wire::EventKind;
  std::vector<EventKind> events;
  const auto add = [&](EventKind kind, bool is_overridden) {
    if (is_overridden) events.push_back(kind);
  };
  add(EventKind::configure,
      overrides<Acceptance (H::*)(const wire::Value&, Context&)>(&H::on_configure, &Base::on_configure));
  add(EventKind::request_headers,
      overrides<Reply (H::*)(const RequestHeaders&, Context&)>(&H::on_request_headers, &Base::on_request_headers));
  add(EventKind::request_body_chunk,
      overrides<Reply (H::*)(const RequestBodyChunk&, Context&)>(&H::on_request_body, &Base::on_request_body));
  add(EventKind::response_headers,
      overrides<Reply (H::*)(const ResponseHeaders&, Context&)>(&H::on_response_headers, &Base::on_response_headers));
  add(EventKind::response_body_chunk,
      overrides<Reply (H::*)(const ResponseBodyChunk&, Context&)>(&H::on_response_body, &Base::on_response_body));
  add(EventKind::request_complete,
      overrides<void (H::*)(const RequestComplete&, Context&)>(&H::on_complete, &Base::on_complete));
  add(EventKind::websocket_frame,
      overrides<Reply (H::*)(const WebSocketFrame&, Context&)>(&H::on_websocket_frame, &Base::on_websocket_frame));
  add(EventKind::guardrail_inspect,
      overrides<Reply (H::*)(const GuardrailInspect&, Context&)>(&H::on_guardrail, &Base::on_guardrail));
  return events;
}

}  // namespace internal

/// Makes the handlers of a server, one per worker, from a function that returns a std::unique_ptr to one.
///
/// The function's type says which handler it makes, and with it which events the agent asks for: it must return exactly
/// that type. An event that is overridden and not delivered would be a hole that nobody notices.
///
///   const HandlerFactory factory = [&list] { return std::make_unique<Denylist>(list); };
///   Server server{{.listen = {"unix:/run/denylist.sock"}}, factory};
///
/// With Execution::on_loop handlers share nothing but what the function gives them, so that what it captures must bear
/// several threads; with Execution::handed_over there is one handler in all.
///
/// Thread safety: make() from one thread at a time; a server makes its handlers in its constructor, on the caller's.
/// Lifetime: a server does not keep it. What the function refers to outlives the handlers where they keep it.
/// Errors: make() throws std::logic_error where it returned one that is derived from it, since what that one
/// overrides would never be delivered; what the function throws goes through.
/// Complexity: copying copies the function and what it captured.
class HandlerFactory {
 public:
  /// `make` is called for each worker, and once more by serve() for its --help. It is copied, and must not return null.
  /// Implicit, so that a lambda stands where a factory is wanted.
  template <class Make, class H = typename std::invoke_result_t<Make&>::element_type>
    requires std::derived_from<H, internal::AnyHandler>
  HandlerFactory(Make make) : events_(internal::overridden_events<H>()) {
    static_assert(!std::is_abstract_v<H>, "return the handler's own type: what it overrides says what it is sent");
    make_ = [make = std::move(make)]() mutable -> std::unique_ptr<internal::AnyHandler> {
      std::unique_ptr<H> handler = make();
      const H& made = *handler;
      if (typeid(made) != typeid(H))
        throw std::logic_error{std::string{"a function that returns a "} + typeid(H).name() + " made a " +
                               typeid(made).name() + ": let it return what it makes"};
      return handler;
    };
  }

  /// A handler, the caller's to own.
  [[nodiscard]] std::unique_ptr<internal::AnyHandler> make() const { return make_(); }
  /// What a proxy is told of such a handler: who it is, the events that it overrides, and what follows from these. What
  /// the server adds of its own (metrics, health, flow control) is not in it.
  [[nodiscard]] session::AgentInfo declaration(const Info& info) const;

 private:
  std::vector<wire::EventKind> events_;
  std::function<std::unique_ptr<internal::AnyHandler>()> make_;
};

}  // namespace picket::agent
