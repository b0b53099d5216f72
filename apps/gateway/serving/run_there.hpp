#pragma once

#include <future>
#include <utility>

#include "picket/transport/worker.hpp"

namespace picket::apps::gateway::serving {

/// Runs `work` on a worker's thread and waits for it. Thread safety: any thread but that one; the worker runs.
template <class Work>
auto run_there(transport::Worker& worker, Work work) -> decltype(work()) {
  std::packaged_task<decltype(work())()> task{std::move(work)};
  auto result = task.get_future();
  worker.post([&task] { task(); });
  return result.get();
}

}  // namespace picket::apps::gateway::serving
