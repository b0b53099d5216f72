#pragma once

#include <atomic>

#include "picket/metrics/counter.hpp"

namespace picket::apps::gateway::process {

/// What became of the reloads of one process. Thread safety: one thread writes, any reads.
struct Reloads {
  metrics::Counter applied;
  metrics::Counter failed;
  std::atomic<bool> last_failed = false;  // what is served is older than what is written

  void count(bool is_applied) noexcept {
    (is_applied ? applied : failed).add();
    last_failed = !is_applied;
  }
};

}  // namespace picket::apps::gateway::process
