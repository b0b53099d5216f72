#include "apps/gateway/upstream/socket_budget.hpp"

#include <algorithm>

namespace picket::apps::gateway::upstream {

SocketBudget::Place SocketBudget::take() noexcept {
  while (open_ >= limit_ && close_oldest()) {
  }
  ++open_;
  return Place{this};
}

bool SocketBudget::close_oldest() noexcept {
  const auto oldest = std::ranges::min_element(owners_, {}, &IdleOwner::idle_since);
  if (oldest == owners_.end() || oldest->idle_since() == base::TimePoint::max()) return false;
  oldest->close_oldest();
  return true;
}

}  // namespace picket::apps::gateway::upstream
