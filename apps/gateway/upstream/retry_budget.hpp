#pragma once

#include <algorithm>
#include <cstdint>

namespace picket::apps::gateway::upstream {

/// How often requests may be sent again to an upstream that hangs up on them: for one in five, and for ten at once. An
/// upstream that is going down would get twice the requests else, just then.
/// Thread safety and lifetime: a value.
class RetryBudget {
 public:
  /// A request is asked for the first time.
  void asked() noexcept { tokens_ = std::min(tokens_ + 1, most); }
  /// Whether one may be sent again; that it is, is counted.
  [[nodiscard]] bool take() noexcept {
    if (tokens_ < price) return false;
    tokens_ -= price;
    return true;
  }

 private:
  static constexpr std::uint32_t price = 5;  // tokens for sending again; one comes with each request
  static constexpr std::uint32_t most = 10 * price;

  std::uint32_t tokens_ = most;
};

}  // namespace picket::apps::gateway::upstream
