#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "apps/gateway/config/model.hpp"
#include "apps/gateway/upstream/site.hpp"
#include "picket/base/time.hpp"

namespace picket::apps::gateway::upstream {

/// Which of an upstream's sites takes the next request. It knows no clock and no other chance than its seed.
///
/// A site's share is its weight, less while it starts slowly. Round robin is smooth; least connections compares active
/// requests per share, and takes turns where they are equal; p2c takes the less loaded of two that chance has chosen.
/// By a key each request of one key goes to one site, and when sites come or go only the keys of those move: the
/// highest of the sites' hashes with the key wins, weighted as Schindelhauer and Schomaker (2005) have it.
/// Thread safety: none. Complexity: sites times tried, and tried is empty unless connecting failed; allocates nothing
/// in steady use.
class Balancer {
 public:
  Balancer(config::LoadBalancing strategy, base::Duration slow_start, std::uint64_t seed) noexcept
      : strategy_(strategy), slow_start_(slow_start), chance_(seed) {}

  /// One that is not in `tried`; null when all are. Those that rest or are down are passed over, unless all are. `key`:
  /// of the request, where the strategy goes by it.
  [[nodiscard]] Site* choose(std::span<const SitePtr> sites, const Tried& tried, base::TimePoint now,
                             std::uint64_t key = 0);

 private:
  struct Candidate {
    Site* site;
    std::int64_t share;
  };

  void gather(std::span<const SitePtr> sites, const Tried& tried, base::TimePoint now, bool resting_too);
  [[nodiscard]] Site* in_turn();
  [[nodiscard]] std::size_t at_random();
  [[nodiscard]] Site* better_of_two();
  [[nodiscard]] Site* of_key(std::uint64_t key) const;
  [[nodiscard]] bool is_better(const Candidate& a, const Candidate& b) const noexcept;

  config::LoadBalancing strategy_;
  base::Duration slow_start_;
  std::uint64_t chance_;
  std::vector<Candidate> candidates_;  // of one choice
};

}  // namespace picket::apps::gateway::upstream
