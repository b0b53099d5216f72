#pragma once

#include <functional>
#include <mutex>
#include <optional>

#include "picket/base/result.hpp"
#include "picket/base/time.hpp"

namespace picket::apps::gateway::reports {

/// What agents ask of the configuration: at most one reload in 10 s, whoever asks. A reload waits for agents and makes
/// connections: more of them would be a way to keep a gateway busy. Thread safety: any thread.
class ReloadRequests {
 public:
  static constexpr base::Duration shortest_interval = std::chrono::seconds{10};

  /// `reload` is called for each request that is taken, on the thread that asks: it must not wait.
  void on_request(std::function<void()> reload) {
    const std::lock_guard lock{mutex_};
    reload_ = std::move(reload);
  }
  /// Accepted, or why not.
  [[nodiscard]] base::Status ask(base::TimePoint now);

 private:
  std::mutex mutex_;
  std::function<void()> reload_;
  std::optional<base::TimePoint> last_;
};

}  // namespace picket::apps::gateway::reports
