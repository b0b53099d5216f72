#include "apps/gateway/downstream/admission.hpp"

namespace picket::apps::gateway::downstream {

std::optional<Admission::Place> Admission::admit(const std::string& client, std::uint32_t limit) {
  if (limit == 0) return Place{};
  const std::lock_guard lock{mutex_};
  auto& count = connections_[client];
  if (count >= limit) return std::nullopt;
  ++count;
  return Place{*this, client};
}

void Admission::leave(const std::string& client) {
  const std::lock_guard lock{mutex_};
  const auto found = connections_.find(client);
  if (--found->second == 0) connections_.erase(found);
}

bool Admission::may_complain(base::TimePoint now) {
  const std::lock_guard lock{mutex_};
  if (complained_ && now - *complained_ < std::chrono::seconds{1}) return false;
  complained_ = now;
  return true;
}

}  // namespace picket::apps::gateway::downstream
