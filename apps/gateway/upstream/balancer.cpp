#include "apps/gateway/upstream/balancer.hpp"

#include <algorithm>

namespace picket::apps::gateway::upstream {

Balancer::Balancer(const std::vector<config::Target>& targets, config::LoadBalancing strategy) : strategy_(strategy) {
  for (const auto& target : targets) targets_.push_back({.weight = target.weight});
}

std::optional<std::size_t> Balancer::pick(std::span<const std::size_t> tried, base::TimePoint now) {
  if (auto target = choose(tried, now, false)) return target;
  return choose(tried, now, true);
}

bool Balancer::better(const Target& a, const Target& b) const noexcept {
  if (strategy_ == config::LoadBalancing::least_connections)
    if (const auto load_a = a.active * b.weight, load_b = b.active * a.weight; load_a != load_b) return load_a < load_b;
  return a.credit > b.credit;
}

std::optional<std::size_t> Balancer::choose(std::span<const std::size_t> excluded, base::TimePoint now,
                                            bool resting_too) {
  std::optional<std::size_t> best;
  std::int64_t total = 0;
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    Target& target = targets_[i];
    if ((!resting_too && now < target.rests_until) || std::ranges::find(excluded, i) != excluded.end()) continue;
    target.credit += target.weight;
    total += target.weight;
    if (!best || better(target, targets_[*best])) best = i;
  }
  if (best) targets_[*best].credit -= total;
  return best;
}

}  // namespace picket::apps::gateway::upstream
