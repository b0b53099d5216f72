#pragma once

#include <chrono>
#include <cstdint>

#include "picket/base/time.hpp"

namespace picket::apps::gateway::exchange {

/// How long a client may take over its body: it may pause, but who sends a byte now and then would hold memory, or a
/// connection to an upstream, for ever. Waiting for others (an upstream that reads slowly) is not its fault.
class BodyPace {
 public:
  static constexpr std::uint64_t slowest = 1024;  ///< Bytes a second, beside one pause.

  explicit BodyPace(base::Duration pause) noexcept : pause_(pause) {}

  /// A read begins, after so many bytes. When it must have brought something.
  [[nodiscard]] base::Deadline begins(base::TimePoint now, std::uint64_t received) noexcept {
    began_ = now;
    const base::Duration left = pause_ + std::chrono::seconds{received / slowest} - waited_;
    return base::Deadline::after(now, left < pause_ ? left : pause_);
  }
  /// It has ended.
  void ends(base::TimePoint now) noexcept { waited_ += now - began_; }

 private:
  base::Duration pause_;
  base::Duration waited_{};
  base::TimePoint began_{};
};

}  // namespace picket::apps::gateway::exchange
