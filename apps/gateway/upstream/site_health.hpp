#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "apps/gateway/config/model.hpp"
#include "picket/base/time.hpp"

namespace picket::apps::gateway::upstream {

/// Where nothing is configured: who fails rests, and a second request that fails says nothing new.
inline constexpr config::PassiveHealth resting_at_once{.failures = 1, .rest = config::milliseconds{5'000}};

/// How one site fares: what its checks say, and what requests to it came to. Pure: the caller says what time it is.
/// Thread safety and lifetime: a value.
class SiteHealth {
 public:
  /// A check is over. Whether it changes whether the site is up: so many in a row have said so.
  bool checked(bool passed, const config::HealthCheck& terms, base::TimePoint now) noexcept {
    checks_in_a_row_ = passed == last_passed_ ? checks_in_a_row_ + 1 : 1;
    last_passed_ = passed;
    ever_passed_ = ever_passed_ || passed;
    const std::uint32_t needed = passed ? terms.healthy_threshold : terms.unhealthy_threshold;
    if (passed == is_up_ || checks_in_a_row_ < needed) return false;
    is_up_ = passed;
    if (is_up_) returned_at_ = now;
    return true;
  }
  /// Whether so many checks have failed, this one the last of them, and none has ever passed.
  [[nodiscard]] bool has_only_failed(std::uint32_t checks) const noexcept {
    return !ever_passed_ && !last_passed_ && checks_in_a_row_ == checks;
  }

  /// A request got no answer. Whether the site rests from now on. `may_rest`: enough others are there.
  bool failed(const config::PassiveHealth& terms, bool may_rest, base::TimePoint now) noexcept {
    if (++failures_ < terms.failures || !may_rest) return false;
    failures_ = 0;
    rests_until_ = now + terms.rest;
    returned_at_ = rests_until_;
    return true;
  }
  /// A request got one.
  void succeeded(base::TimePoint now) noexcept {
    failures_ = 0;
    if (now < rests_until_) returned_at_ = now;
    rests_until_ = {};
  }

  /// Nobody checks it any more: it is up, as one that nobody has checked.
  void unchecked() noexcept {
    is_up_ = true;
    last_passed_ = true;
    checks_in_a_row_ = 0;
  }

  [[nodiscard]] bool is_up() const noexcept { return is_up_; }
  [[nodiscard]] bool takes_requests(base::TimePoint now) const noexcept { return is_up_ && now >= rests_until_; }
  /// Of its weight, in percent: who has returned gets a tenth at first, and all of it after `slow_start`.
  [[nodiscard]] std::int64_t share(base::Duration slow_start, base::TimePoint now) const noexcept {
    const bool is_slow = returned_at_ && slow_start > base::Duration::zero() && now - *returned_at_ < slow_start;
    if (!is_slow) return 100;
    return std::max<std::int64_t>(10, 100 * std::max(now - *returned_at_, base::Duration::zero()) / slow_start);
  }

 private:
  bool is_up_ = true;  // until checks say otherwise
  bool last_passed_ = true;
  bool ever_passed_ = false;
  std::uint32_t checks_in_a_row_ = 0;
  std::uint32_t failures_ = 0;  // in a row
  base::TimePoint rests_until_{};
  std::optional<base::TimePoint> returned_at_;
};

}  // namespace picket::apps::gateway::upstream
