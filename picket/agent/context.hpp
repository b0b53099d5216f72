#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "picket/agent/completion.hpp"
#include "picket/agent/proxy_handle.hpp"
#include "picket/wire/messages.hpp"

namespace picket::agent {

/// For a handler that keeps nothing: HandlerWith<NoState, Connection> keeps something per connection alone.
///
/// Thread safety: a value without content.
struct NoState {};

namespace internal {

/// A state of a type that only its handler knows. Thread safety: whoever calls the handler sees to it.
struct AnyState {
  virtual ~AnyState() = default;
};
template <class T>
struct Held final : AnyState {
  Held() = default;
  explicit Held(T initial) : value(std::move(initial)) {}
  T value{};
};

/// What lives as long as one exchange: made with its first event, freed on complete, cancel and disconnect.
///
/// Thread safety: the exchange's events come one at a time, whichever thread evaluates them.
struct ExchangeState {
  std::string correlation_id;
  std::unique_ptr<AnyState> state;
};

/// What lives as long as one connection.
///
/// Thread safety: written before the first event, and only read then.
struct ConnectionState {
  std::shared_ptr<AnyState> state;                ///< Null for a handler that keeps nothing per connection.
  std::vector<wire::EventKind> announced_events;  ///< Set before the first event.
};

/// Gives out what a handler may keep of the event that is being handled: its completion, the line to its proxy.
///
/// Thread safety: within the handler's call only. Lifetime: the call's; what it gives out may outlive it.
class EventSource {
 public:
  [[nodiscard]] virtual Completion defer() = 0;
  [[nodiscard]] virtual std::shared_ptr<Line> line() = 0;

 protected:
  ~EventSource() = default;
};

/// What is around one call of a handler. Lifetime: the call's; it borrows all three.
struct Moment {
  ExchangeState& exchange;
  const ConnectionState& connection;
  EventSource& event;
};

}  // namespace internal

/// One exchange as a handler sees it: its id, what the proxy announced, and the way to answer later.
///
/// Thread safety: only within the handler's call, on its thread.
/// Lifetime: the call. The id and the announced events may be read as long; what defer(), proxy() and exchange() give
/// may be kept.
/// Complexity: reading takes nothing; defer(), proxy() and exchange() share the connection, exchange() copies the id.
class Context {
 public:
  explicit Context(const internal::Moment& moment) noexcept : moment_(moment) {}

  /// Names the exchange, the same for all its events and in the proxy's logs. A proxy chooses it, so it is no key to
  /// anything of other proxies' exchanges. Units: at most 256 bytes (limits::max_correlation_id).
  [[nodiscard]] std::string_view correlation_id() const noexcept { return moment_.exchange.correlation_id; }

  /// The event kinds that the proxy said it will send; empty where it did not say. A handler that needs bodies to judge
  /// sees here that none will come.
  [[nodiscard]] const std::vector<wire::EventKind>& announced_events() const noexcept {
    return moment_.connection.announced_events;
  }

  /// Takes the current event's answer over: see Completion. Once per event; the handler returns its deferred(), and
  /// nothing else.
  [[nodiscard]] Completion defer() { return moment_.event.defer(); }

  /// The proxy that the exchange is of; may be kept beyond the call, and used from any thread.
  [[nodiscard]] ProxyHandle proxy() const { return ProxyHandle{moment_.event.line()}; }
  /// The exchange, and how much of its bodies is wanted; as proxy().
  [[nodiscard]] ExchangeHandle exchange() const { return {moment_.event.line(), correlation_id()}; }

 protected:
  [[nodiscard]] const internal::Moment& moment() const noexcept { return moment_; }

 private:
  internal::Moment moment_;
};

/// The context of a HandlerWith<State, Connection>: the types are the handler's, so they cannot be mistaken.
///
/// Thread safety: state() as Context: the events of one exchange come one at a time. connection() may be used by
/// several exchanges at once with Execution::handed_over. Lifetime: state() lives as long as the exchange, connection()
/// as long as the connection and its exchanges. Complexity: the first state() of an exchange allocates it; nothing else
/// does.
template <class State, class Connection = NoState>
class ContextWith : public Context {
 public:
  using Context::Context;

  /// The exchange's state, default-made on first use. The reference holds until the exchange is over.
  [[nodiscard]] State& state()
    requires(!std::same_as<State, NoState>)
  {
    auto& held = moment().exchange.state;
    if (!held) held = std::make_unique<internal::Held<State>>();
    return static_cast<internal::Held<State>&>(*held).value;
  }
  /// The state if state() was used before, else null: for on_complete() and on_cancel(), which need not make one to
  /// throw it away.
  [[nodiscard]] State* existing_state() const noexcept
    requires(!std::same_as<State, NoState>)
  {
    auto* const held = moment().exchange.state.get();
    return held == nullptr ? nullptr : &static_cast<internal::Held<State>&>(*held).value;
  }

  /// What the handler's make_connection() made for this connection; null only where that gave null. A copy of the
  /// pointer may outlive the connection.
  [[nodiscard]] const std::shared_ptr<Connection>& connection() const noexcept
    requires(!std::same_as<Connection, NoState>)
  {
    return static_cast<internal::Held<std::shared_ptr<Connection>>&>(*moment().connection.state).value;
  }
};

}  // namespace picket::agent
