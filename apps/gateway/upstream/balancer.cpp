#include "apps/gateway/upstream/balancer.hpp"

namespace picket::apps::gateway::upstream {
namespace {

bool is_better(const Site& a, const Site& b, config::LoadBalancing strategy) noexcept {
  if (strategy == config::LoadBalancing::least_connections)
    if (const auto load_a = a.active() * b.weight, load_b = b.active() * a.weight; load_a != load_b)
      return load_a < load_b;
  return a.credit > b.credit;
}

template <class MayTake>
Site* best_of(std::span<const SitePtr> sites, config::LoadBalancing strategy, MayTake may_take) {
  Site* best = nullptr;
  std::int64_t total = 0;
  for (const SitePtr& site : sites) {
    if (!may_take(*site)) continue;
    site->credit += site->weight;
    total += site->weight;
    if (best == nullptr || is_better(*site, *best, strategy)) best = site.get();
  }
  if (best != nullptr) best->credit -= total;
  return best;
}

}  // namespace

Site* choose(std::span<const SitePtr> sites, config::LoadBalancing strategy, const Tried& tried, base::TimePoint now) {
  Site* const well = best_of(sites, strategy, [&](const Site& site) { return !site.rests(now) && !tried.has(site); });
  if (well != nullptr) return well;
  return best_of(sites, strategy, [&](const Site& site) { return !tried.has(site); });
}

}  // namespace picket::apps::gateway::upstream
