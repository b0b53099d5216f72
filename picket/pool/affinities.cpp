#include "picket/pool/affinities.hpp"

#include <utility>

#include <fmt/format.h>

#include "picket/pool/agent.hpp"

namespace picket::pool {
namespace {

/// A name can be with several agents. No id of an agent has a NUL in it.
std::string key_of(const Agent& agent, std::string_view name) {
  std::string key = agent.id();
  key.push_back('\0');
  return key.append(name);
}

}  // namespace

base::Result<std::reference_wrapper<Exchange>> Affinities::of(Agent& agent, std::string_view name, Demand demand) {
  end_overdue();
  std::string key = key_of(agent, name);
  auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    if (!make_room())
      return base::fail(base::ErrorKind::unavailable,
                        fmt::format("{} exchanges are kept by name already, and all have calls pending", most_));
    kept_.emplace_back(std::move(key), worker_.ids().mint(), agent, demand);
    found = by_key_.emplace(kept_.back().key, std::prev(kept_.end())).first;
  }
  const auto kept = found->second;
  kept->until = worker_.now() + time_to_live_;
  kept_.splice(kept_.end(), kept_, kept);
  return std::ref(kept->exchange);
}

bool Affinities::end(Agent& agent, std::string_view name, const wire::RequestComplete& summary) {
  const auto found = by_key_.find(key_of(agent, name));
  if (found == by_key_.end()) return false;
  found->second->exchange.complete(summary);
  forget(found->second);
  return true;
}

void Affinities::end_overdue() {
  for (auto kept = kept_.begin(); kept != kept_.end() && worker_.now() >= kept->until;) {
    const auto ended = kept++;
    if (!ended->exchange.has_pending_calls()) forget(ended);
  }
}

/// Ends the one that was not used for the longest, where they are the most. Whether there is room for another one.
bool Affinities::make_room() {
  for (auto kept = kept_.begin(); kept != kept_.end() && kept_.size() >= most_;) {
    const auto ended = kept++;
    if (!ended->exchange.has_pending_calls()) forget(ended);
  }
  return kept_.size() < most_;
}

void Affinities::forget(List::iterator kept) {
  by_key_.erase(kept->key);
  kept_.erase(kept);
}

}  // namespace picket::pool
