#pragma once

#include <charconv>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "apps/gateway/exchange/testing/world.hpp"

namespace picket::apps::gateway::exchange::testing {

/// The number at a target's end.
inline int number_in(std::string_view target) {
  const std::string_view digits = target.substr(target.rfind('/') + 1);
  int number = -1;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

/// Which exchanges an agent was asked about, by their numbers, and how often it was told of the end of each. Thread
/// safety: any thread.
class EndsTold {
 public:
  /// Of the head of a request to `target`. Its number.
  int saw(std::string_view target, std::string_view id) {
    const int number = number_in(target);
    const std::lock_guard lock{mutex_};
    numbers_[std::string{id}] = number;
    told_.try_emplace(number);
    return number;
  }
  [[nodiscard]] int number_of(std::string_view id) const {
    const std::lock_guard lock{mutex_};
    return numbers_.at(std::string{id});
  }
  /// Of the end of an exchange; of those that it was not asked about, too.
  void was_told(std::string_view id) {
    const std::lock_guard lock{mutex_};
    if (const auto found = numbers_.find(std::string{id}); found != numbers_.end()) ++told_[found->second];
  }
  /// It was lost while that one was under way, and may not hear of its end.
  void excuse(int number) {
    const std::lock_guard lock{mutex_};
    excused_.insert(number);
  }
  /// Whether it hears, in some time, of the end of each that it saw, and of none twice.
  [[nodiscard]] bool are_told(World& world) const {
    const auto is_told_of_all = [this] { return untold_and_told_again().first == 0; };
    return transport::testing::turn_until(world.worker, is_told_of_all) && untold_and_told_again().second == 0;
  }

 private:
  /// Exchanges that the agent saw and was not told of, and those that it was told of more than once.
  [[nodiscard]] std::pair<int, int> untold_and_told_again() const {
    const std::lock_guard lock{mutex_};
    std::pair<int, int> counts;
    for (const auto& [number, times] : told_) {
      counts.first += times == 0 && !excused_.contains(number) ? 1 : 0;
      counts.second += times > 1 ? 1 : 0;
    }
    return counts;
  }

  mutable std::mutex mutex_;
  std::unordered_map<std::string, int> numbers_;  // of exchanges, by their ids
  std::map<int, int> told_;                       // how often, by their numbers
  std::set<int> excused_;
};

}  // namespace picket::apps::gateway::exchange::testing
