#pragma once

#include <cstddef>
#include <cstdint>
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

/// What an exchange hears of its upstream while it is busy with something else. Called from within the side's
/// operations or between them; may not start one, nor end the side.
class UpstreamListener {
 public:
  /// Could not be reached, or was no use: for the log.
  virtual void on_upstream_error(std::string_view address, const base::Error& error) = 0;
  /// 1xx; the head is good for the call.
  virtual void on_interim(const http::ResponseHead& head) = 0;
  /// It hangs up, or answers in a way that needs no more of the request, before that is written: the write that is
  /// awaited ends.
  virtual void on_early_answer() = 0;

 protected:
  ~UpstreamListener() = default;
};

/// One request to one target, on one connection, and its answer. Another exchange on the same connection has an attempt
/// of its own.
///
/// The answer's body is read by credit, as ClientSide's. One operation at a time; where the request may go on beside
/// its answer (is_duplex), one of each direction. Thread safety: its worker's. Lifetime: not destroyed while an
/// operation is awaited. Errors: those of transport::Stream, in words for a log.
class UpstreamAttempt {
 public:
  UpstreamAttempt() = default;
  UpstreamAttempt(const UpstreamAttempt&) = delete;
  UpstreamAttempt& operator=(const UpstreamAttempt&) = delete;

  /// Begins the request: its head waits for the next write, and leaves along with it. The listener hears from here on.
  virtual void begin(const RequestStart& start) = 0;
  /// Whether the request may go on beside its answer.
  [[nodiscard]] virtual bool is_duplex() const noexcept { return false; }
  /// Whether fields may stand behind the request that was begun.
  [[nodiscard]] virtual bool takes_trailers() const noexcept = 0;
  /// What stands there, as ClientSide has it.
  virtual void end_with(const http::FieldList& trailers) = 0;
  /// Writes what waits, and pieces of the body behind it. `last`: the request ends with them.
  [[nodiscard]] virtual transport::Task<base::Status> write(std::span<const base::SharedBytes> pieces, bool last) = 0;

  /// Ends a write that is awaited, with connection_closed: nothing more is written.
  virtual void stop_writing() noexcept {}

  /// The head of the final answer, in memory that is the side's. Errors: connection_closed and io where the upstream
  /// has not said a word, only then; unavailable where it has said that it did nothing for the request; timeout;
  /// invalid_message; message_too_large where there is no place here for what came of it, which is nobody's failure.
  [[nodiscard]] virtual transport::Task<base::Result<const http::ResponseHead*>> answer() = 0;
  /// Up to into.size() bytes of the answer's body; 0 at its end. Errors: timeout; invalid_message; message_too_large,
  /// as of answer(); connection_closed where the body has no end.
  [[nodiscard]] virtual transport::Task<base::Result<std::size_t>> read(std::span<char> into) = 0;
  /// Whether bytes of the body have come, so that reading them does not wait.
  [[nodiscard]] virtual bool has_bytes() const noexcept = 0;
  /// Whether the body's end was read, or there is none.
  [[nodiscard]] virtual bool body_is_read() const noexcept = 0;
  /// What stood behind the body, once its end was read. Lifetime: the side's, or the arena's.
  [[nodiscard]] virtual base::Headers trailers(base::Arena& arena) const = 0;

  /// Its end of a tunnel, after an answer of 101: what carries it serves nobody else, and is reset() when it is over.
  /// Null where there is no such thing. Lifetime: the attempt's.
  [[nodiscard]] virtual websocket::TunnelEnd* tunnel_end() { return nullptr; }
  /// The answer was read and passed on: the connection may serve others, where nothing speaks against it. A write that
  /// is awaited ends with connection_closed.
  virtual void finish() = 0;
  /// Nobody wants what is left. What is awaited ends with connection_closed.
  virtual void reset(ResetCode code) noexcept = 0;

 protected:
  ~UpstreamAttempt() = default;
};

/// Which upstream is asked, and how.
struct UpstreamTerms {
  std::size_t upstream = 0;                    ///< As the configuration counts them.
  std::uint64_t key = 0;                       ///< What the request goes by, where the upstream's balancing does.
  std::optional<base::Duration> request_time;  ///< For all attempts, in place of the upstream's own; 0: no bound.
};

/// What one exchange has of its upstream, whatever the version of HTTP: attempts, one after the other where the first
/// ones are of no use; what is said of an attempt is said to the one that connect() has begun last.
///
/// A side is made with its exchange's transport::Cancel, whose request resets it. Lifetime: outlives the exchange.
class UpstreamSide : public UpstreamAttempt {
 public:
  /// Gets a connection to a target that was not in vain yet. `terms`: the same for all attempts. `listener` hears of
  /// every target that fails. Errors: that of the last one; nobody's failure are io, where this process has no socket
  /// left, and unavailable, where the upstream has as many connections as it may.
  [[nodiscard]] virtual transport::Task<base::Status> connect(const UpstreamTerms& terms,
                                                              UpstreamListener& listener) = 0;
  /// Whether the last target that connect() tried has a certificate that is not accepted.
  [[nodiscard]] virtual bool is_untrusted() const noexcept = 0;
  /// The target that is asked.
  [[nodiscard]] virtual std::string_view address() const noexcept = 0;
  /// Whether asking again is of use after that error of answer(): nothing of an answer had come, and a target is left.
  [[nodiscard]] virtual bool has_another(const base::Error& error) = 0;

  /// How long a word of it is waited for, from now on.
  [[nodiscard]] virtual base::Deadline patience() const = 0;

 protected:
  ~UpstreamSide() = default;
};

}  // namespace picket::apps::gateway::exchange
