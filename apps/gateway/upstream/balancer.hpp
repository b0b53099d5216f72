#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "apps/gateway/config/model.hpp"
#include "picket/base/time.hpp"

namespace picket::apps::gateway::upstream {

/// Which target of an upstream takes the next request. Pure: the caller says what time it is. Thread safety: none.
///
/// Round robin is smooth and weighted; least connections compares active requests per weight, and takes turns where
/// they are equal. A target that could not be connected to is passed over for a while (passive failure), unless all
/// are.
class Balancer {
 public:
  static constexpr base::Duration rest_after_failure = std::chrono::seconds{5};

  Balancer(const std::vector<config::Target>& targets, config::LoadBalancing strategy);

  /// A target that is not in `tried`; nothing when all are. Complexity: targets times tried, and tried is empty unless
  /// connecting failed.
  [[nodiscard]] std::optional<std::size_t> pick(std::span<const std::size_t> tried, base::TimePoint now);
  void began(std::size_t target) noexcept { ++targets_[target].active; }
  void ended(std::size_t target) noexcept { --targets_[target].active; }
  void failed(std::size_t target, base::TimePoint now) noexcept {
    targets_[target].rests_until = now + rest_after_failure;
  }
  void succeeded(std::size_t target) noexcept { targets_[target].rests_until = {}; }

 private:
  struct Target {
    std::int64_t weight = 1;
    std::int64_t credit = 0;
    std::uint32_t active = 0;
    base::TimePoint rests_until{};
  };
  [[nodiscard]] std::optional<std::size_t> choose(std::span<const std::size_t> excluded, base::TimePoint now,
                                                  bool resting_too);
  [[nodiscard]] bool better(const Target& a, const Target& b) const noexcept;

  std::vector<Target> targets_;
  config::LoadBalancing strategy_;
};

}  // namespace picket::apps::gateway::upstream
