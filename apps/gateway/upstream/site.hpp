#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include "apps/gateway/upstream/place_hash.hpp"
#include "apps/gateway/upstream/site_health.hpp"
#include "picket/base/error.hpp"
#include "picket/base/time.hpp"
#include "picket/transport/destination.hpp"

namespace picket::apps::gateway::upstream {

/// One address where an upstream is served, and how it fares: a target that is an address, or one of the addresses of a
/// target that is a name. Whoever has a connection to it shares it, so that it outlives the answer that had it.
/// Thread safety: the worker's thread.
class Site : public boost::intrusive_ref_counter<Site, boost::thread_unsafe_counter> {
 public:
  Site(transport::Destination destination_in, std::size_t target_in, std::uint32_t weight_in)
      : destination(std::move(destination_in)),
        target(target_in),
        weight(weight_in),
        place(hash_of(destination.endpoint().text())) {}

  [[nodiscard]] const transport::Endpoint& endpoint() const noexcept { return destination.endpoint(); }

  const transport::Destination destination;
  const std::size_t target;   ///< Which of the upstream's targets it is of.
  const std::int64_t weight;  ///< The target's.
  const std::uint64_t place;  ///< A hash of its address.
  bool is_current = true;     ///< Else the name has it no more: no request begins here.
  /// What the last connection there has agreed upon, where HTTP/2 is spoken by agreement.
  enum class Speaks : std::uint8_t { unknown, http1, http2 };
  Speaks speaks = Speaks::unknown;
  std::size_t connecting = 0;  ///< Connections that are being opened, which may take several requests.
  /// Requests that its connections take at once, as the last of them said; nothing where none has yet.
  std::optional<std::size_t> most_at_once;
  SiteHealth health;

  void began() noexcept { ++active_; }
  void ended() noexcept { --active_; }
  [[nodiscard]] std::uint32_t active() const noexcept { return active_; }

  std::int64_t credit = 0;  ///< Of the turns that it is owed; the balancer's.

 private:
  std::uint32_t active_ = 0;
};
using SitePtr = boost::intrusive_ptr<Site>;

/// One request's way to an upstream: where it has been in vain, so that it asks nobody twice.
struct Tried {
  struct Failure {
    SitePtr site;
    base::Error why;            ///< For people, without the address.
    bool is_untrusted = false;  ///< Its certificate is not accepted.
  };
  std::vector<Failure> failures;  ///< In their order.
  bool pooled_was_stale = false;  ///< Only new connections are of use.
  std::uint32_t refusals = 0;     ///< Targets that have said that they did nothing for it.
  std::uint64_t key = 0;          ///< What it goes by, where the balancing does.
  base::Deadline until = {};      ///< It tries no other site afterwards.

  [[nodiscard]] bool has(const Site& site) const noexcept {
    return std::ranges::any_of(failures, [&](const Failure& failure) { return failure.site == &site; });
  }
};

}  // namespace picket::apps::gateway::upstream
