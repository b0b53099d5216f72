#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "picket/wire/messages.hpp"

namespace picket::agent {
namespace internal {
class Line;
}

using wire::ConfigError;
using wire::ListUpdate;
using wire::LogLevel;
using wire::RequestReload;
using wire::RestartRequired;
using wire::RuleUpdate;

/// What a proxy said to a request for a change of its configuration. Thread safety: a value.
struct ConfigAnswer {
  bool accepted = false;
  std::string error{};  ///< Why not.
};

/// The proxy on the other end of one connection: Context::proxy() gives it, and it may be kept.
///
///   const auto proxy = context.proxy();
///   proxy.request(RequestReload{}, [](auto answer) { note(answer && answer->accepted); });
///
/// Thread safety: any thread; what one thread says comes in its order. Lifetime: may outlive the connection; what is
/// said then reaches nobody. Errors: none: whether the proxy has heard it is not known, but for request().
/// Complexity: a copy of what is said, a lock, and a wake-up of the connection's worker.
class ProxyHandle {
 public:
  explicit ProxyHandle(std::shared_ptr<internal::Line> line) : line_(std::move(line)) {}

  /// It begins no new exchange on this connection, until resume(), or for as long as it bears (protocol.md §6: 30 s).
  void pause() const;
  void resume() const;
  /// How many bytes of bodies may be on their way to this agent on this connection; 0 is a pause.
  void update_capacity(std::uint64_t bytes) const;

  /// A line for the proxy's log. Sockets have no message for it: there it goes to ServerOptions::log.
  void log(LogLevel level, std::string_view message, std::string_view correlation_id = {}) const;

  /// Called once, on the connection's worker. None: the proxy gives no answers, is gone, or too many questions are
  /// open. Where the server itself is gone it is destroyed uncalled.
  using Answered = std::move_only_function<void(std::optional<ConfigAnswer>)>;
  /// Asks for a reload, for changed rules or lists, for a restart, or tells of a wrong configuration. What `update`
  /// refers to is copied.
  void request(const wire::ConfigUpdate& update, Answered answered = {}) const;

 private:
  std::shared_ptr<internal::Line> line_;
};

/// One exchange, and how much of its bodies is wanted: Context::exchange() gives it.
///
/// Thread safety: any thread. Lifetime: may outlive exchange and connection; what is said then changes nothing. It owns
/// its copy of the id. Complexity: as ProxyHandle.
class ExchangeHandle {
 public:
  ExchangeHandle(std::shared_ptr<internal::Line> line, std::string_view correlation_id)
      : line_(std::move(line)), correlation_id_(correlation_id) {}

  /// The proxy reads no more of this exchange's body from whoever sends it, until resume(), or for 30 s.
  void pause() const;
  void resume() const;
  /// How many bytes of its bodies may be on their way to this agent; 0 is a pause, less than 1 KiB counts as that.
  void update_capacity(std::uint64_t bytes) const;

 private:
  std::shared_ptr<internal::Line> line_;
  std::string correlation_id_;
};

}  // namespace picket::agent
