#pragma once

#include <cstdint>

namespace picket::tests {

/// How often any thread of this program has called the global operator new so far. Linking counting.cpp replaces the
/// operator, under sanitizers too. Thread safety: any thread.
[[nodiscard]] std::uint64_t allocations() noexcept;

/// What 500 rounds allocate once warm, for rounds that take more than one thread: how large a burst a buffer sees hangs
/// on how the threads take turns, so a late one may still let it grow. That happens a few times and ends, whereas what
/// allocates per event never lets 500 rounds through.
template <class Round>
[[nodiscard]] std::uint64_t allocations_once_warm(Round&& round) {
  std::uint64_t made = 0;
  for (int attempt = 0; attempt < 8; ++attempt) {
    const std::uint64_t before = allocations();
    for (int i = 0; i < 500; ++i) round();
    made = allocations() - before;
    if (made == 0) break;
  }
  return made;
}

}  // namespace picket::tests
