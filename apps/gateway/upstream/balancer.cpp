#include "apps/gateway/upstream/balancer.hpp"

namespace picket::apps::gateway::upstream {

Balancer::Balancer(const std::vector<config::Target>& targets, config::LoadBalancing strategy) : strategy_(strategy) {
  for (const auto& target : targets) targets_.push_back({.weight = target.weight});
}

std::optional<std::size_t> Balancer::pick(std::uint64_t tried, base::TimePoint now) {
  if (auto target = choose(tried, now, false)) return target;
  return choose(tried, now, true);
}

std::optional<std::size_t> Balancer::choose(std::uint64_t excluded, base::TimePoint now, bool resting_too) {
  std::optional<std::size_t> best;
  std::int64_t total = 0;
  const auto better = [&](const Target& a, const Target& b) {
    return strategy_ == config::LoadBalancing::least_connections ? a.active * b.weight < b.active * a.weight
                                                                 : a.credit > b.credit;
  };
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    Target& target = targets_[i];
    if ((excluded >> i & 1) != 0 || (!resting_too && now < target.rests_until)) continue;
    target.credit += target.weight;
    total += target.weight;
    if (!best || better(target, targets_[*best])) best = i;
  }
  if (best) targets_[*best].credit -= total;
  return best;
}

}  // namespace picket::apps::gateway::upstream
