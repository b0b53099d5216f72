#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "picket/agent/completion.hpp"
#include "picket/wire/messages.hpp"

namespace picket::agent {

/// What lives as long as one exchange: made with its first event, freed on complete, cancel and disconnect.
struct ExchangeState {
  std::string correlation_id;
  std::shared_ptr<void> state;
};

/// What lives as long as one connection.
struct ConnectionState {
  std::shared_ptr<void> state;                    ///< From Handler::make_connection_state().
  std::vector<wire::EventKind> announced_events;  ///< What the proxy said it will send; set before the first event.
};

/// Gives out completions for the event that is being handled.
class CompletionSource {
 public:
  [[nodiscard]] virtual Completion defer() = 0;

 protected:
  ~CompletionSource() = default;
};

/// One exchange as a handler sees it: its id, its state, and the way to answer later.
/// Thread safety: only within the handler's call. Lifetime: the call; state() lives as long as the exchange.
class Context {
 public:
  Context(ExchangeState& exchange, const ConnectionState& connection, CompletionSource& completions) noexcept
      : exchange_(exchange), connection_(connection), completions_(completions) {}

  [[nodiscard]] std::string_view correlation_id() const noexcept { return exchange_.correlation_id; }

  /// The exchange's state, default-made on first use. One type per handler.
  template <class State>
  [[nodiscard]] State& state() {
    if (!exchange_.state) exchange_.state = std::make_shared<State>();
    return *static_cast<State*>(exchange_.state.get());
  }
  /// The state if state() was used before, else null.
  template <class State>
  [[nodiscard]] State* existing_state() const noexcept {
    return static_cast<State*>(exchange_.state.get());
  }

  /// What Handler::make_connection_state() made for this connection, which must be a State. With Execution::handed_over
  /// several exchanges of the connection may use it at once.
  template <class State>
  [[nodiscard]] State& connection_state() const noexcept {
    return *static_cast<State*>(connection_.state.get());
  }

  /// The event kinds that the proxy said it will send; empty where it did not say.
  [[nodiscard]] const std::vector<wire::EventKind>& announced_events() const noexcept {
    return connection_.announced_events;
  }

  /// Takes the current event's answer over: see Completion.
  [[nodiscard]] Completion defer() { return completions_.defer(); }

 private:
  ExchangeState& exchange_;
  const ConnectionState& connection_;
  CompletionSource& completions_;
};

}  // namespace picket::agent
