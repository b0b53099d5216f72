#pragma once

#include <chrono>
#include <cstddef>

#include "picket/base/time.hpp"
#include "picket/wire/output.hpp"

namespace picket::session {

/// Lets what nobody waits for (request_complete, its answer) leave in the same write as the next urgent message, or
/// alone when none comes: under load that saves both ends a system call and a wake-up per exchange.
///
/// Thread safety: none; part of a session. Units: at most `longest` behind when it was written. Complexity: O(1).
/// Lifetime: a value; the output is whoever's it is.
class Linger {
 public:
  static constexpr base::Duration longest = std::chrono::milliseconds{5};

  /// What stands behind the first `size` bytes of `output` may wait. From the first of them on time runs; what is
  /// urgent and comes later takes all along.
  void let_wait(wire::Output& output, std::size_t size, base::TimePoint now) noexcept {
    output.let_wait(size);
    if (due_ == base::TimePoint::max() && !output.urgent()) due_ = now + longest;
  }
  /// Makes everything urgent that has waited for long enough.
  void tick(wire::Output& output, base::TimePoint now) noexcept {
    if (now < due_) return;
    due_ = base::TimePoint::max();
    output.make_urgent();
  }
  /// When to call tick() at the latest. The clock's last point where nothing waits.
  [[nodiscard]] base::TimePoint due() const noexcept { return due_; }

 private:
  base::TimePoint due_ = base::TimePoint::max();
};

}  // namespace picket::session
