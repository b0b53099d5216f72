#pragma once

#include <functional>
#include <iterator>
#include <list>
#include <mutex>
#include <utility>

#include "picket/agent/handler.hpp"

namespace picket::apps::gateway::exchange::testing {

/// What agents owe of one exchange, to be said in any order. Thread safety: any thread; hold() under the owner's mutex,
/// under which what is said is noted, too.
class LateWords {
 public:
  explicit LateWords(std::mutex& owners) : mutex_(owners) {}

  /// The word at once, or a promise of it. `said`: notes that it was said.
  agent::Reply hold(bool is_late, agent::Decision decision, std::function<void()> said, agent::Context& context) {
    if (!is_late || hurries_) {
      said();
      return decision;
    }
    ++times_;
    owed_.push_back({context.defer(), std::move(decision), std::move(said)});
    return owed_.back().completion.deferred();
  }
  /// One is said, the first or the last that is owed.
  void say_one(bool is_first) {
    std::unique_lock lock{mutex_};
    if (owed_.empty()) return;
    const auto chosen = is_first ? owed_.begin() : std::prev(owed_.end());
    Owed one = std::move(*chosen);
    owed_.erase(chosen);
    one.said();
    lock.unlock();
    std::move(one.completion).complete(std::move(one.decision));
  }
  /// Nobody is late any more.
  void say_all() {
    {
      const std::lock_guard lock{mutex_};
      hurries_ = true;
    }
    while (are_owed()) say_one(true);
  }
  [[nodiscard]] bool are_owed() const {
    const std::lock_guard lock{mutex_};
    return !owed_.empty();
  }
  /// How many there were.
  [[nodiscard]] int times() const {
    const std::lock_guard lock{mutex_};
    return times_;
  }

 private:
  struct Owed {
    agent::Completion completion;
    agent::Decision decision;
    std::function<void()> said;
  };

  std::mutex& mutex_;
  std::list<Owed> owed_;
  bool hurries_ = false;
  int times_ = 0;
};

}  // namespace picket::apps::gateway::exchange::testing
