#pragma once

#include <cstdint>

#include "picket/base/time.hpp"

namespace picket::apps::gateway::process {

/// When the allocator is to give memory back to the system that many clients have given back to it: those that came to
/// rest, and those that left. It keeps what was freed otherwise, so that ten thousand clients cost what they did at
/// their busiest for as long as the process lives. Thread safety: none; one owner.
class SpareMemory {
 public:
  /// So many clients are worth the look through what is free, and no more often than this.
  static constexpr std::uint64_t clients = 1'000;
  static constexpr base::Duration pause = std::chrono::seconds{30};

  /// `gave_back`: how many have, since the process began; a count that is read while clients come may be less than the
  /// last one. Whether it is time; if so, it counts as done.
  [[nodiscard]] bool is_due(std::uint64_t gave_back, base::TimePoint now) noexcept {
    if (gave_back < counted_ + clients || now - done_ < pause) return false;
    counted_ = gave_back;
    done_ = now;
    return true;
  }

 private:
  std::uint64_t counted_ = 0;
  base::TimePoint done_{};
};

/// Gives what is free in whole pages back to the system. Thread safety: any thread; who allocates meanwhile waits for a
/// moment. Complexity: by what is free.
void give_spare_memory_back() noexcept;

}  // namespace picket::apps::gateway::process
