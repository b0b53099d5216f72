#include "apps/gateway/upstream/balancer.hpp"

#include <cmath>

#include "apps/gateway/upstream/place_hash.hpp"

namespace picket::apps::gateway::upstream {

using config::LoadBalancing;

Site* Balancer::choose(std::span<const SitePtr> sites, const Tried& tried, base::TimePoint now, std::uint64_t key) {
  gather(sites, tried, now, false);
  if (candidates_.empty()) gather(sites, tried, now, true);
  if (candidates_.empty()) return nullptr;
  switch (strategy_) {
    case LoadBalancing::round_robin:
    case LoadBalancing::least_connections: return in_turn();
    case LoadBalancing::random: return candidates_[at_random()].site;
    case LoadBalancing::p2c: return better_of_two();
    case LoadBalancing::ip_hash:
    case LoadBalancing::consistent_hash: return of_key(key);
  }
  return nullptr;
}

void Balancer::gather(std::span<const SitePtr> sites, const Tried& tried, base::TimePoint now, bool resting_too) {
  candidates_.clear();
  for (const SitePtr& site : sites)
    if ((resting_too || site->health.takes_requests(now)) && !tried.has(*site))
      candidates_.push_back({site.get(), site->weight * site->health.share(slow_start_, now)});
}

bool Balancer::is_better(const Candidate& a, const Candidate& b) const noexcept {
  if (strategy_ == LoadBalancing::least_connections)
    if (const auto load_a = a.site->active() * b.share, load_b = b.site->active() * a.share; load_a != load_b)
      return load_a < load_b;
  return a.site->credit > b.site->credit;
}

Site* Balancer::in_turn() {
  const Candidate* best = nullptr;
  std::int64_t total = 0;
  for (const Candidate& candidate : candidates_) {
    candidate.site->credit += candidate.share;
    total += candidate.share;
    if (best == nullptr || is_better(candidate, *best)) best = &candidate;
  }
  best->site->credit -= total;
  return best->site;
}

/// By share.
std::size_t Balancer::at_random() {
  std::uint64_t total = 0;
  for (const Candidate& candidate : candidates_) total += static_cast<std::uint64_t>(candidate.share);
  chance_ += 0x9E3779B97F4A7C15U;
  std::uint64_t left = mixed(chance_) % total;
  std::size_t chosen = 0;
  while (left >= static_cast<std::uint64_t>(candidates_[chosen].share))
    left -= static_cast<std::uint64_t>(candidates_[chosen++].share);
  return chosen;
}

Site* Balancer::better_of_two() {
  const std::size_t first = at_random();
  const Candidate one = candidates_[first];
  if (candidates_.size() == 1) return one.site;
  candidates_.erase(candidates_.begin() + static_cast<std::ptrdiff_t>(first));
  const Candidate other = candidates_[at_random()];
  const bool is_other = (other.site->active() + 1) * one.share < (one.site->active() + 1) * other.share;
  return is_other ? other.site : one.site;
}

Site* Balancer::of_key(std::uint64_t key) const {
  const Candidate* best = nullptr;
  double highest = 0;
  for (const Candidate& candidate : candidates_) {
    constexpr double half_a_step = 0.5;
    const double chance = (static_cast<double>(mixed(candidate.site->place ^ key) >> 11) + half_a_step) * 0x1p-53;
    const double score = -static_cast<double>(candidate.share) / std::log(chance);
    if (best != nullptr && score <= highest) continue;
    best = &candidate;
    highest = score;
  }
  return best->site;
}

}  // namespace picket::apps::gateway::upstream
