#pragma once

#include <cstdint>

#include "picket/base/time.hpp"
#include "picket/pool/config.hpp"

namespace picket::pool {

/// A circuit breaker: closed, open for a while or until the agent is connected to again, then half open for a few
/// probes.
///
/// A permit is what a probe holds; it is given back however the probe ends, so that none can leak. Pure: the caller
/// says what time it is. Thread safety: none.
class Breaker {
 public:
  enum class State : std::uint8_t { closed, open, half_open };
  enum class Permit : std::uint8_t { none, normal, probe };
  enum class Outcome : std::uint8_t {
    success,
    failure,
    neutral,  ///< Says nothing of the agent: the client went away, or a slow evaluation on a connection that lives.
  };

  explicit Breaker(const BreakerConfig& config) noexcept : config_(config) {}

  /// Permit::none means: refuse. Any other permit must be given back by finish().
  [[nodiscard]] Permit acquire(base::TimePoint now) noexcept;
  void finish(Permit permit, Outcome outcome, base::TimePoint now) noexcept;
  /// A failure that belongs to no call: connections died of their own.
  void fail(base::TimePoint now) noexcept;
  /// The agent dies on whatever it is asked first: nothing is admitted for a second, in whichever state.
  void pause(base::TimePoint now) noexcept;
  /// The agent has answered a handshake: an open breaker is half open, at once or when its pause ends.
  void reconnected(base::TimePoint now) noexcept;

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
