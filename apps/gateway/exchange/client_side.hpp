#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "apps/gateway/exchange/message_start.hpp"
#include "apps/gateway/websocket/tunnel_end.hpp"
#include "picket/base/result.hpp"
#include "picket/base/shared_bytes.hpp"
#include "picket/base/time.hpp"
#include "picket/http/message.hpp"
#include "picket/transport/task.hpp"

namespace picket::apps::gateway::exchange {

/// What one exchange has of its client, whatever the version of HTTP: a request that is read and an answer that is
/// written. Another exchange of the same connection has a side of its own, and is not touched by what is said here.
///
/// Body bytes are read by credit: what is not asked for is not taken from the client, who is held back by it. One
/// operation at a time, of each direction where is_duplex(). Thread safety: its worker's. Lifetime: outlives the
/// exchange; not destroyed while an operation is awaited. Errors: those of transport::Stream, whatever the version; an
/// error of write() is a client that is gone.
class ClientSide {
 public:
  ClientSide() = default;
  ClientSide(const ClientSide&) = delete;
  ClientSide& operator=(const ClientSide&) = delete;

  /// The head, in memory that is the side's.
  [[nodiscard]] virtual const http::RequestHead& request() const noexcept = 0;
  /// `on_gone` is called where the client has left, while nobody reads from it; never from within a call to the side.
  virtual void on_gone(std::function<void()> on_gone) = 0;

  /// All of the body as it stands in the side's memory, where it has all come and is small; never waits.
  [[nodiscard]] virtual std::optional<base::SharedBytes> take_whole() = 0;
  /// Up to into.size() bytes of the body; 0 at its end. Errors: invalid_message for a body that is malformed, timeout,
  /// connection_closed also where the body has no end.
  [[nodiscard]] virtual transport::Task<base::Result<std::size_t>> read(std::span<char> into,
                                                                        base::Deadline deadline) = 0;
  /// Whether the body may be read while the answer is written.
  [[nodiscard]] virtual bool is_duplex() const noexcept { return false; }
  /// Ends a read that is awaited, with connection_closed; other operations may follow.
  virtual void stop_reading() noexcept = 0;
  /// Ends what is awaited, as stop_reading() does.
  virtual void stop() noexcept = 0;
  /// Whether the body has come already, so that reading it does not wait.
  [[nodiscard]] virtual bool body_has_come() const noexcept = 0;
  /// Whether its end was read, or there is none.
  [[nodiscard]] virtual bool body_is_read() const noexcept = 0;
  /// What stood behind the body, once its end was read. Lifetime: the side's, or the arena's.
  [[nodiscard]] virtual base::Headers trailers(base::Arena& arena) const = 0;

  /// An interim answer (1xx), where the client's version knows of them. Goes out as far as the client takes it, and at
  /// the latest with the next write; never waits.
  virtual void interim(std::uint16_t status, std::string_view reason, const http::FieldList& fields) = 0;
  /// Begins the answer: its head waits for the next write, and leaves along with what that brings (ADR 0010). May be
  /// called again until then: the head that has not left is replaced.
  virtual void begin(const AnswerStart& start) = 0;
  /// Whether fields may stand behind the answer that was begun, and the client wants them.
  [[nodiscard]] virtual bool takes_trailers() const noexcept = 0;
  /// What stands there: before the last write, which takes it along. Views; of no use afterwards.
  virtual void end_with(const http::FieldList& trailers) = 0;
  /// Writes what waits, and bytes of the body behind it. `last`: the answer ends with them. Returns when they are the
  /// kernel's.
  [[nodiscard]] virtual transport::Task<base::Status> write(std::string_view bytes, bool last) = 0;
  /// Its end of a tunnel, once an answer is written that switches to WebSocket. Null where there is no such thing.
  /// Lifetime: the side's.
  [[nodiscard]] virtual websocket::TunnelEnd* tunnel_end() { return nullptr; }
  /// Has the client see that its answer is not whole.
  virtual void reset(ResetCode code) noexcept = 0;

 protected:
  ~ClientSide() = default;
};

}  // namespace picket::apps::gateway::exchange
