#pragma once

#include <cstdint>

#include "picket/base/time.hpp"
#include "picket/pool/config.hpp"

namespace picket::pool {

/// A circuit breaker: closed, open for a while or until the agent is connected to again, then half open for a few
/// probes. Who waits for an agent that does not answer holds a request up: an open breaker refuses at once.
///
///   const auto permit = breaker.acquire(now);
///   if (permit == Breaker::Permit::none) return refuse();
///   breaker.finish(permit, ask() ? Breaker::Outcome::success : Breaker::Outcome::failure, later);
///
/// A permit is what a probe holds; it is given back however the probe ends, so that none can leak. Pure: the caller
/// says what time it is.
///
/// Thread safety: none; each worker has its own. Errors: none. Complexity: O(1).
class Breaker {
 public:
  enum class State : std::uint8_t {
    closed,     ///< Everything is admitted; consecutive failures are counted.
    open,       ///< Nothing is admitted.
    half_open,  ///< A few probes are admitted: enough successes close it, one failure opens it.
  };
  enum class Permit : std::uint8_t {
    none,    ///< Refused.
    normal,  ///< Of a closed breaker.
    probe,   ///< Of a half-open one: it has one of the places for probes until finish().
  };
  enum class Outcome : std::uint8_t {
    success,  ///< The agent has answered.
    failure,  ///< It failed, and the agent is to blame.
    neutral,  ///< Says nothing of the agent: the client went away, or a slow evaluation on a connection that lives.
  };

  explicit Breaker(const BreakerConfig& config) noexcept : config_(config) {}

  /// Permit::none means: refuse. Any other permit must be given back by finish().
  [[nodiscard]] Permit acquire(base::TimePoint now) noexcept;
  /// Once for each permit. Late answers to calls that were under way when it opened do not close it, since they say
  /// nothing of how the agent is now; a late failure opens it again while it is half open.
  void finish(Permit permit, Outcome outcome, base::TimePoint now) noexcept;
  /// A failure that belongs to no call: connections died of their own. It counts as one of failure_threshold, or opens
  /// a half-open one.
  void fail(base::TimePoint now) noexcept;
  /// The agent dies on whatever it is asked first: nothing is admitted for a second, in whichever state.
  void pause(base::TimePoint now) noexcept;
  /// The agent has answered a handshake: an open breaker is half open, at once or when its pause ends.
  void reconnected(base::TimePoint now) noexcept;

  /// As of the last call: an open one whose time has passed is half open with the next acquire().
  [[nodiscard]] State state() const noexcept { return state_; }

 private:
  void open(base::TimePoint now) noexcept;
  void half_open() noexcept;

  BreakerConfig config_;
  State state_ = State::closed;
  std::uint32_t failures_ = 0;
  std::uint32_t successes_ = 0;
  std::uint32_t probes_ = 0;
  base::TimePoint retry_at_{};
  base::TimePoint pause_ends_{};
};

}  // namespace picket::pool
