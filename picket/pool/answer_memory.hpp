#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "picket/base/arena.hpp"

namespace picket::pool {

/// Arenas that exchanges borrow for their answers, so that one who is asked steadily allocates nothing.
///
/// Thread safety: its owner's. Lifetime: what is taken is the taker's, and need not come back. Complexity: O(1); at
/// most `kept` of them lie here unused, each with no more than 16 KiB.
///
///   base::Arena arena = memory.take();
///   …                                     // answers of one exchange
///   memory.give_back(std::move(arena));   // nobody looks at them any more
///
/// Units: 1 KiB to begin with; of one that has grown as much as 16 KiB stays. Errors: std::bad_alloc.
class AnswerMemory {
 public:
  /// Exchanges beyond these that are open at once take their memory from the system.
  static constexpr std::size_t kept = 1024;

  /// An empty one, with the memory of who had it before.
  [[nodiscard]] base::Arena take() {
    if (arenas_.empty()) return base::Arena{1024, 16 * 1024};
    base::Arena arena = std::move(arenas_.back());
    arenas_.pop_back();
    return arena;
  }
  /// What it held is gone.
  void give_back(base::Arena arena) {
    if (arenas_.size() >= kept) return;
    arena.reset();
    arenas_.push_back(std::move(arena));
  }

 private:
  std::vector<base::Arena> arenas_;
};

}  // namespace picket::pool
