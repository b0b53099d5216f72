#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "picket/base/result.hpp"

namespace picket::apps::waf {

/// Values that take long to make, by key: made on a thread of the loader's own, one at a time, each once however many
/// ask while it is being made or in use, and freed with its last user. What failed is tried again when it is asked for
/// again.
///
/// Thread safety: any thread. Lifetime: destroying it ends the load under way first; who still waits then is told
/// `unavailable`.
template <class Key, class Value>
class Loader {
 public:
  using Loaded = base::Result<std::shared_ptr<const Value>>;
  using Load = std::function<Loaded(const Key&)>;
  using Done = std::move_only_function<void(Loaded)>;

  explicit Loader(Load load) : load_(std::move(load)) {}
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;
  ~Loader() {
    thread_.request_stop();
    thread_.join();
    for (auto& [key, entry] : entries_)
      deliver(entry.waiting, base::fail(base::ErrorKind::unavailable, "the process is ending"));
  }

  /// Calls `done` with the value: at once where it is in use, else later, on the loader's thread. Never waits.
  void get(const Key& key, Done done) {
    std::unique_lock lock(mutex_);
    Entry& entry = entries_[key];
    if (auto known = entry.value.lock()) {
      lock.unlock();
      return done(std::move(known));
    }
    entry.waiting.push_back(std::move(done));
    if (entry.waiting.size() > 1) return;
    queue_.push_back(key);
    lock.unlock();
    wanted_.notify_one();
  }

 private:
  struct Entry {
    std::weak_ptr<const Value> value;
    std::vector<Done> waiting;
  };

  /// The last one gets it moved: the loader itself uses no value.
  static void deliver(std::vector<Done>& waiting, Loaded loaded) {
    for (std::size_t i = 0; i < waiting.size(); ++i) waiting[i](i + 1 < waiting.size() ? loaded : std::move(loaded));
  }

  void run(const std::stop_token& stopping) {
    std::unique_lock lock(mutex_);
    while (wanted_.wait(lock, stopping, [this] { return !queue_.empty(); }) && !stopping.stop_requested()) {
      const Key key = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      Loaded loaded = load_(key);
      lock.lock();
      Entry& entry = entries_[key];
      if (loaded) entry.value = *loaded;
      auto waiting = std::exchange(entry.waiting, {});
      lock.unlock();
      deliver(waiting, std::move(loaded));
      lock.lock();
    }
  }

  const Load load_;
  std::mutex mutex_;
  std::condition_variable_any wanted_;
  std::map<Key, Entry> entries_;
  std::deque<Key> queue_;
  std::jthread thread_{[this](const std::stop_token& stopping) { run(stopping); }};
};

}  // namespace picket::apps::waf
