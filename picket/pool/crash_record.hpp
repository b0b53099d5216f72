#pragma once

#include <chrono>
#include <utility>

#include "picket/base/time.hpp"

namespace picket::pool {

/// Which ends of connections are a failure of the agent, and whether it does anything between them. Connections that
/// end together are one: one crash takes all along that there were.
///
/// A value. Thread safety: its owner's. Complexity: O(1). Errors: none. Units: what ends within a second of a crash,
/// and was there before it, belongs to it.
class CrashRecord {
 public:
  /// The agent answered something.
  void answered() noexcept { answered_ = true; }

  struct Crash {
    bool is_new;       ///< Not one that was noted with another connection.
    bool was_useless;  ///< Nothing was answered between it and the one before.
  };
  /// A ready connection ended unannounced, which had become ready at `connected_at`.
  [[nodiscard]] Crash note(base::TimePoint connected_at, base::TimePoint now) noexcept {
    const bool is_new = connected_at >= at_ || now - at_ >= window;
    if (is_new) {
      at_ = now;
      is_useless_ = !std::exchange(answered_, false);
    }
    return {.is_new = is_new, .was_useless = is_useless_};
  }

 private:
  // Connections of one crash end within a turn or two of the loop; a busy loop may take a while to see all of them.
  static constexpr base::Duration window = std::chrono::seconds{1};

  base::TimePoint at_{};
  bool answered_ = true;  // since then
  bool is_useless_ = false;
};

}  // namespace picket::pool
