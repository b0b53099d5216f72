#include "picket/pool/selection.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace picket::pool {
namespace {

bool is_free(const Candidate& candidate, std::uint32_t max_in_flight) noexcept {
  return candidate.takes_new && !candidate.paused && !candidate.full && candidate.in_flight < max_in_flight;
}

SelectionFailure why_none(std::span<const Candidate> candidates) noexcept {
  bool suspect = false;
  bool paused = false;
  for (const Candidate& candidate : candidates) {
    suspect |= candidate.suspect;
    if (!candidate.takes_new) continue;
    if (!candidate.paused) return SelectionFailure::all_full;
    paused = true;
  }
  if (paused) return SelectionFailure::all_paused;
  return suspect ? SelectionFailure::all_suspect : SelectionFailure::none_ready;
}

bool has_less_to_do(const Candidate& one, const Candidate& other) noexcept { return one.in_flight < other.in_flight; }

/// Of the same rank the one that is likely to answer first.
bool is_healthier(const Candidate& one, const Candidate& other) noexcept {
  if (one.rank != other.rank) return one.rank < other.rank;
  return one.latency * (one.in_flight + 1) < other.latency * (other.in_flight + 1);
}

/// The free ones among candidates, seen from where it is whose turn.
class FreeOnes {
 public:
  FreeOnes(std::span<const Candidate> candidates, std::uint32_t max_in_flight, std::size_t turn) noexcept
      : candidates_(candidates), max_in_flight_(max_in_flight), turn_(turn) {}

  [[nodiscard]] std::optional<std::size_t> first() const noexcept {
    for (std::size_t step = 0; step < candidates_.size(); ++step)
      if (const std::size_t index = (turn_ + step) % candidates_.size(); is_free(candidates_[index], max_in_flight_))
        return index;
    return std::nullopt;
  }

  template <class IsBetter>
  [[nodiscard]] std::optional<std::size_t> best(IsBetter is_better) const noexcept {
    std::optional<std::size_t> best;
    for (std::size_t step = 0; step < candidates_.size(); ++step) {
      const std::size_t index = (turn_ + step) % candidates_.size();
      if (!is_free(candidates_[index], max_in_flight_)) continue;
      if (!best || is_better(candidates_[index], candidates_[*best])) best = index;
    }
    return best;
  }

  [[nodiscard]] std::optional<std::size_t> random(std::uint32_t& state) const noexcept {
    const std::uint32_t count = size();
    if (count == 0) return std::nullopt;
    return nth(next(state) % count);
  }

  /// Each as often as its weight says (RFC 2782). One of weight 0 is hardly ever chosen beside others.
  [[nodiscard]] std::optional<std::size_t> weighted(std::uint32_t& state) const noexcept {
    std::uint64_t total = 0;
    for (const Candidate& candidate : candidates_) total += share_of(candidate);
    if (total == 0) return std::nullopt;
    std::uint64_t left = next(state) % total;
    std::size_t index = 0;
    while (left >= share_of(candidates_[index])) left -= share_of(candidates_[index++]);
    return index;
  }

  /// Of two at random the one that has less to do (Mitzenmacher, 2001): nearly the least loaded, and no crowd goes
  /// there at once.
  [[nodiscard]] std::optional<std::size_t> better_of_two(std::uint32_t& state) const noexcept {
    const std::uint32_t count = size();
    if (count < 2) return first();
    const std::uint32_t one = next(state) % count;
    const std::uint32_t other = (one + 1 + next(state) % (count - 1)) % count;
    const std::size_t a = nth(one);
    const std::size_t b = nth(other);
    return has_less_to_do(candidates_[b], candidates_[a]) ? b : a;
  }

 private:
  [[nodiscard]] std::uint32_t size() const noexcept {
    std::uint32_t count = 0;
    for (const Candidate& candidate : candidates_) count += is_free(candidate, max_in_flight_) ? 1 : 0;
    return count;
  }
  /// There are more than `number`.
  [[nodiscard]] std::size_t nth(std::uint32_t number) const noexcept {
    std::size_t index = 0;
    while (!is_free(candidates_[index], max_in_flight_) || number-- != 0) ++index;
    return index;
  }
  [[nodiscard]] std::uint64_t share_of(const Candidate& candidate) const noexcept {
    constexpr std::uint64_t of_a_weight = 100;
    if (!is_free(candidate, max_in_flight_)) return 0;
    return candidate.standing.weight == 0 ? 1 : candidate.standing.weight * of_a_weight;
  }
  static std::uint32_t next(std::uint32_t& state) noexcept {
    state ^= state << 13;  // xorshift32 (Marsaglia, 2003): spreading load needs no better
    state ^= state >> 17;
    state ^= state << 5;
    return state;
  }

  std::span<const Candidate> candidates_;
  std::uint32_t max_in_flight_;
  std::size_t turn_;
};

std::optional<std::size_t> choose(const FreeOnes& free_ones, LoadBalanceStrategy strategy,
                                  std::uint32_t& random) noexcept {
  switch (strategy) {
    case LoadBalanceStrategy::round_robin: return free_ones.first();
    case LoadBalanceStrategy::least_connections: return free_ones.best(has_less_to_do);
    case LoadBalanceStrategy::health_based: return free_ones.best(is_healthier);
    case LoadBalanceStrategy::random: return free_ones.random(random);
    case LoadBalanceStrategy::p2c: return free_ones.better_of_two(random);
  }
  std::unreachable();
}

}  // namespace

Selection select(std::span<const Candidate> candidates, LoadBalanceStrategy strategy, std::uint32_t max_in_flight,
                 SelectionState& state) noexcept {
  const auto chosen = choose(FreeOnes{candidates, max_in_flight, state.turn}, strategy, state.random);
  if (!chosen) return {.index = std::nullopt, .failure = why_none(candidates)};
  state.turn = *chosen + 1;
  return {.index = chosen};
}

Selection select_by_standing(std::span<Candidate> candidates, std::uint32_t max_in_flight,
                             SelectionState& state) noexcept {
  std::uint16_t first = std::numeric_limits<std::uint16_t>::max();
  for (const Candidate& candidate : candidates)
    if (candidate.takes_new) first = std::min(first, candidate.standing.priority);
  for (Candidate& candidate : candidates)
    if (candidate.standing.priority != first) candidate = {};
  const auto chosen = FreeOnes{candidates, max_in_flight, state.turn}.weighted(state.random);
  if (!chosen) return {.index = std::nullopt, .failure = why_none(candidates)};
  return {.index = chosen};
}

}  // namespace picket::pool
