#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "picket/agent/health.hpp"

namespace picket::agent::internal {

/// How an agent says that it is, kept for whoever tells its proxies. Each handler has one from its first moment; those
/// of a server hand on to the server's. Thread safety: any thread.
class Standing {
 public:
  void report(Health health) {
    const std::lock_guard lock{mutex_};
    health_ = std::move(health);
    is_said_ = true;
    if (changed_) changed_(health_);
  }
  [[nodiscard]] Health health() const {
    const std::lock_guard lock{mutex_};
    return health_;
  }
  /// Called with each report from now on, and at once with one that was made before; null: nobody is told any more.
  /// What it calls must not come back here.
  void on_change(std::function<void(const Health&)> changed) {
    const std::lock_guard lock{mutex_};
    changed_ = std::move(changed);
    if (changed_ && is_said_) changed_(health_);
  }

 private:
  mutable std::mutex mutex_;
  Health health_;
  bool is_said_ = false;
  std::function<void(const Health&)> changed_;
};

}  // namespace picket::agent::internal
