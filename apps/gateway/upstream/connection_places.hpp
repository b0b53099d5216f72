#pragma once

#include <coroutine>
#include <cstddef>
#include <memory>

#include <boost/intrusive/list.hpp>

#include "picket/base/result.hpp"
#include "picket/base/time.hpp"
#include "picket/base/timer_wheel.hpp"
#include "picket/metrics/counter.hpp"
#include "picket/transport/worker.hpp"

namespace picket::apps::gateway::upstream {

/// Requests that wait for a connection to one upstream at a time, on one worker.
inline constexpr std::size_t most_waiting = 1'024;

/// The places for connections to one upstream, on one worker; who finds none waits in line until one is free, or a
/// connection is.
/// Thread safety: its worker's; `open` may be read from any. Lifetime: outlives its places and who waits.
class ConnectionPlaces {
  struct Leave {
    void operator()(ConnectionPlaces* places) const noexcept { places->left(); }
  };
  using Hook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

 public:
  /// One connection, for as long as it is there.
  using Place = std::unique_ptr<ConnectionPlaces, Leave>;

  /// `limit`: 0: none.
  ConnectionPlaces(transport::Worker& worker, std::size_t limit) noexcept : worker_(worker), limit_(limit) {}

  [[nodiscard]] bool is_full() const noexcept {
    return limit_ != 0 && static_cast<std::size_t>(open.value()) >= limit_;
  }
  [[nodiscard]] bool has_line() const noexcept { return !line_.empty(); }
  /// Null where all are taken.
  [[nodiscard]] Place take() noexcept {
    if (is_full()) return nullptr;
    open.add(1);
    return Place{this};
  }
  /// The first in line looks again: a connection is free, or whoever was called does not want it.
  void call_next() noexcept;

  /// Awaitable; Status: it is this one's turn. Errors: unavailable, after the deadline or where too many wait;
  /// connection_closed after stop(). Who was called and takes nothing calls the next.
  class Turn;

  metrics::Gauge open;
  metrics::Counter waits;

 private:
  void left() noexcept {
    open.add(-1);
    call_next();
  }

  transport::Worker& worker_;
  const std::size_t limit_;
  std::size_t waiting_ = 0;
  boost::intrusive::list<Turn, boost::intrusive::base_hook<Hook>, boost::intrusive::constant_time_size<false>> line_;
};

class ConnectionPlaces::Turn : public Hook {
 public:
  Turn(ConnectionPlaces& places, base::Deadline deadline) noexcept
      : places_(places), deadline_(deadline), timer_(&Turn::on_deadline, this) {}
  [[nodiscard]] bool await_ready() noexcept;
  void await_suspend(std::coroutine_handle<> waiting) noexcept;
  [[nodiscard]] base::Status await_resume() noexcept;
  /// Ends the waiting.
  void stop() noexcept;

 private:
  friend class ConnectionPlaces;
  enum class State : std::uint8_t { waiting, called, late, stopped, crowded };

  void end(State state) noexcept;
  static void on_deadline(void* self, base::TimePoint) { static_cast<Turn*>(self)->end(State::late); }

  ConnectionPlaces& places_;
  base::Deadline deadline_;
  base::Timer timer_;
  transport::Resumption resumption_;
  State state_ = State::waiting;
};

}  // namespace picket::apps::gateway::upstream
