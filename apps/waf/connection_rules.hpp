#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "apps/waf/rule_set.hpp"

namespace picket::apps::waf {

/// The rules that one connection's proxy asked for. A reload of its configuration may come while exchanges are
/// evaluated, and another one while the rules for it are being loaded.
class ConnectionRules {
 public:
  explicit ConnectionRules(std::shared_ptr<const RuleSet> rules) : rules_(std::move(rules)) {}
  std::shared_ptr<const RuleSet> rules() const {
    const std::lock_guard lock(mutex_);
    return rules_;
  }
  /// Numbers a configuration.
  std::uint64_t configured() {
    const std::lock_guard lock(mutex_);
    return ++configurations_;
  }
  /// Takes the rules of a configuration, unless a later one has come.
  void use(std::uint64_t configuration, std::shared_ptr<const RuleSet> rules) {
    const std::lock_guard lock(mutex_);
    if (configuration == configurations_) rules_ = std::move(rules);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const RuleSet> rules_;
  std::uint64_t configurations_ = 0;
};

}  // namespace picket::apps::waf
