#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include "picket/base/error.hpp"
#include "picket/base/time.hpp"
#include "picket/transport/destination.hpp"

namespace picket::apps::gateway::upstream {

/// One address where an upstream is served, and how it fares: a target that is an address, or one of the addresses of a
/// target that is a name. Whoever has a connection to it shares it, so that it outlives the answer that had it.
/// Thread safety: the worker's thread.
class Site : public boost::intrusive_ref_counter<Site, boost::thread_unsafe_counter> {
 public:
  static constexpr base::Duration rest_after_failure = std::chrono::seconds{5};

  Site(transport::Destination destination_in, std::size_t target_in, std::uint32_t weight_in)
      : destination(std::move(destination_in)), target(target_in), weight(weight_in) {}

  [[nodiscard]] const transport::Endpoint& endpoint() const noexcept { return destination.endpoint(); }

  const transport::Destination destination;
  const std::size_t target;   ///< Which of the upstream's targets it is of.
  const std::int64_t weight;  ///< The target's.
  bool is_current = true;     ///< Else the name has it no more: no request begins here.

  void began() noexcept { ++active_; }
  void ended() noexcept { --active_; }
  void failed(base::TimePoint now) noexcept { rests_until_ = now + rest_after_failure; }
  void succeeded() noexcept { rests_until_ = {}; }

  [[nodiscard]] std::uint32_t active() const noexcept { return active_; }
  [[nodiscard]] bool rests(base::TimePoint now) const noexcept { return now < rests_until_; }

  std::int64_t credit = 0;  ///< Of the turns that it is owed; the balancer's.

 private:
  std::uint32_t active_ = 0;
  base::TimePoint rests_until_{};
};
using SitePtr = boost::intrusive_ptr<Site>;

/// Where one request has been in vain, so that it asks nobody twice.
struct Tried {
  struct Failure {
    SitePtr site;
    base::Error why;            ///< For people, without the address.
    bool is_untrusted = false;  ///< Its certificate is not accepted.
  };
  std::vector<Failure> failures;  ///< In their order.
  bool pooled_was_stale = false;  ///< Only new connections are of use.

  [[nodiscard]] bool has(const Site& site) const noexcept {
    return std::ranges::any_of(failures, [&](const Failure& failure) { return failure.site == &site; });
  }
};

}  // namespace picket::apps::gateway::upstream
