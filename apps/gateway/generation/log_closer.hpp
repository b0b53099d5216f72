#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace picket::apps::gateway::generation {

struct Logs;

/// Where logs end: on a thread of its own. The last to let go of logs is a worker, with an old configuration's last
/// request, and must not wait for their reader. Thread safety: any thread. Lifetime: outlives its logs; its end waits
/// for theirs, all of them at once.
class LogCloser {
 public:
  LogCloser();
  /// Has them end as soon as they can, and returns at once.
  void take(std::unique_ptr<Logs> logs);

 private:
  void run(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<std::unique_ptr<Logs>> ending_;
  std::jthread thread_;
};

}  // namespace picket::apps::gateway::generation
