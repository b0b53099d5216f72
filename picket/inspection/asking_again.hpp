#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "picket/base/time.hpp"

namespace picket::inspection {

/// How often an agent that does not answer about frames is asked as another exchange. At once where it has answered
/// about one since it was last; then after a second, and twice as long each time, a minute at most. It counts from the
/// failure: a long time-out is no rest. Frames come when they come, so that no jitter is needed.
///
/// Thread safety: a value. Errors: none. Complexity: O(1), no system call.
class AskingAgain {
 public:
  static constexpr base::Duration first = std::chrono::seconds{1};
  static constexpr base::Duration most = std::chrono::seconds{60};

  [[nodiscard]] bool may_begin(base::TimePoint now) const noexcept { return !rests_until_ || now >= *rests_until_; }
  /// It is asked as another exchange.
  void begin() noexcept { rests_until_.reset(); }
  /// A frame, or the head before it, was waited for in vain. Both directions may say so of one exchange: it counts
  /// once.
  void failed(base::TimePoint now) noexcept {
    if (rests_until_) return;
    rests_until_ = now + pause_;
    pause_ = std::clamp(pause_ * 2, first, most);
  }
  /// A frame was answered.
  void answered() noexcept { *this = {}; }

 private:
  std::optional<base::TimePoint> rests_until_;  // nothing: it has not failed since it was asked
  base::Duration pause_{};                      // behind the next failure
};

}  // namespace picket::inspection
