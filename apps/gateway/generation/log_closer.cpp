#include "apps/gateway/generation/log_closer.hpp"

#include <utility>

#include "apps/gateway/generation/generation.hpp"

namespace picket::apps::gateway::generation {

LogCloser::LogCloser() : thread_([this](const std::stop_token& stop) { run(stop); }) {}

void LogCloser::take(std::unique_ptr<Logs> logs) {
  for (auto& writer : logs->writers) writer.end();
  const std::lock_guard lock{mutex_};
  ending_.push_back(std::move(logs));
  changed_.notify_one();
}

void LogCloser::run(const std::stop_token& stop) {
  std::unique_lock lock{mutex_};
  while (changed_.wait(lock, stop, [this] { return !ending_.empty(); })) {
    auto ended = std::exchange(ending_, {});
    lock.unlock();
    ended.clear();  // waits for each, and all have begun
    lock.lock();
  }
}

}  // namespace picket::apps::gateway::generation
