#include "picket/pool/selection.hpp"

namespace picket::pool {

Selection select(std::span<const Candidate> candidates, LoadBalanceStrategy strategy, std::uint32_t max_in_flight,
                 std::size_t& turn) noexcept {
  Selection best;
  bool suspect = false;
  bool paused = false;
  bool full = false;
  for (std::size_t step = 0; step < candidates.size(); ++step) {
    const std::size_t index = (turn + step) % candidates.size();
    const Candidate& candidate = candidates[index];
    suspect |= candidate.suspect;
    if (!candidate.takes_new) continue;
    if (candidate.paused) {
      paused = true;
    } else if (candidate.full || candidate.in_flight >= max_in_flight) {
      full = true;
    } else if (!best.index || candidate.in_flight < candidates[*best.index].in_flight) {
      best.index = index;
      if (strategy == LoadBalanceStrategy::round_robin) break;
    }
  }
  if (best.index) {
    turn = *best.index + 1;
  } else if (full) {
    best.failure = SelectionFailure::all_full;
  } else if (paused) {
    best.failure = SelectionFailure::all_paused;
  } else if (suspect) {
    best.failure = SelectionFailure::all_suspect;
  }
  return best;
}

}  // namespace picket::pool
