#include "apps/gateway/downstream/handshake_rate.hpp"

#include <algorithm>

namespace picket::apps::gateway::downstream {

bool HandshakeRate::admit(const std::string& client, std::uint32_t per_second, base::TimePoint now) {
  if (per_second == 0) return true;
  const base::Duration second = std::chrono::seconds{1};
  const std::lock_guard lock{mutex_};
  if (unused_at_.size() >= sweep_at_) forget(now);
  const auto found = unused_at_.find(client);
  if (found == unused_at_.end() && unused_at_.size() >= max_addresses) return true;
  const base::TimePoint before = found == unused_at_.end() ? now : std::max(found->second, now);
  const base::TimePoint after = before + second / per_second;
  if (after - now > second) return false;
  unused_at_.insert_or_assign(client, after);
  return true;
}

void HandshakeRate::forget(base::TimePoint now) {
  boost::unordered::erase_if(unused_at_, [now](const auto& entry) { return entry.second <= now; });
  sweep_at_ = std::clamp(2 * unused_at_.size(), std::size_t{1'024}, max_addresses);
}

}  // namespace picket::apps::gateway::downstream
