#include "apps/gateway/reports/reload_requests.hpp"

namespace picket::apps::gateway::reports {

base::Status ReloadRequests::ask(base::TimePoint now) {
  const std::lock_guard lock{mutex_};
  if (!reload_) return base::fail(base::ErrorKind::unavailable, "nothing here reloads its configuration");
  if (last_ && now - *last_ < shortest_interval)
    return base::fail(base::ErrorKind::unavailable, "a reload was asked for less than 10 s ago; ask again later");
  last_ = now;
  reload_();
  return {};
}

}  // namespace picket::apps::gateway::reports
