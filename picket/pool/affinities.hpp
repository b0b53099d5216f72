#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "picket/base/correlation_id.hpp"
#include "picket/base/result.hpp"
#include "picket/base/time.hpp"
#include "picket/pool/config.hpp"
#include "picket/pool/exchange.hpp"
#include "picket/transport/worker.hpp"

namespace picket::pool {

/// Exchanges by name, for callers that keep no Exchange between one event and the next: what has the same name goes to
/// the same connection. The name is the caller's; on the wire each has an id of its own, which no client has chosen.
///
/// Bounded: one that was not used for correlation_affinity_ttl is over, and over max_correlation_affinities the one
/// ends that was not used for the longest to make room for a new one, but none that has a call pending.
///
///   pool::Affinities affinities{worker, config};  // as the pool's
///   auto exchange = affinities.of(agent, conversation);
///   if (!exchange) return refuse(exchange.error());
///   const auto answer = co_await exchange->get().guardrail(event);
///
/// Thread safety: the worker's thread. Lifetime: its agents outlive it. Errors: of() unavailable, where all that are
/// kept have calls pending. Complexity: O(1) each, what ends, and a step for each that should have ended and has a call
/// pending.
class Affinities {
 public:
  /// Takes two fields of `config`, and holds them over all agents. Each exchange costs its name twice, and what an
  /// exchange costs.
  explicit Affinities(transport::Worker& worker, const Config& config = {}) noexcept
      : worker_(worker), time_to_live_(config.correlation_affinity_ttl), most_(config.max_correlation_affinities) {}
  Affinities(const Affinities&) = delete;
  Affinities& operator=(const Affinities&) = delete;

  /// The exchange of that name with that agent, begun where there is none. Good until it is ended, or until another
  /// call of of() while no call of it is pending. `name` is copied; it may be any bytes. `demand` counts where the
  /// exchange is begun.
  [[nodiscard]] base::Result<std::reference_wrapper<Exchange>> of(Agent& agent, std::string_view name,
                                                                  Demand demand = Demand::declared);
  /// It is over: the agent is told. Whether it was there. Calls of it that are pending are cancelled.
  bool end(Agent& agent, std::string_view name, const wire::RequestComplete& summary = {});
  /// Of all agents, those included whose time has passed and that nothing has ended yet.
  [[nodiscard]] std::size_t size() const noexcept { return kept_.size(); }

 private:
  struct Kept {
    Kept(std::string its_key, base::MintedId its_id, Agent& agent, Demand demand)
        : key(std::move(its_key)), id(std::move(its_id)), exchange(agent, id, demand) {}
    std::string key;
    base::MintedId id;
    Exchange exchange;
    base::TimePoint until{};
  };
  using List = std::list<Kept>;

  void end_overdue();
  [[nodiscard]] bool make_room();
  void forget(List::iterator kept);

  transport::Worker& worker_;
  base::Duration time_to_live_;
  std::size_t most_;
  List kept_;  // the longest unused first
  std::unordered_map<std::string_view, List::iterator> by_key_;
};

}  // namespace picket::pool
