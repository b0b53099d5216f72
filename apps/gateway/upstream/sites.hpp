#pragma once

#include <list>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "apps/gateway/config/model.hpp"
#include "apps/gateway/upstream/observer.hpp"
#include "apps/gateway/upstream/site.hpp"
#include "picket/base/error.hpp"
#include "picket/metrics/counter.hpp"
#include "picket/transport/dns/watch.hpp"
#include "picket/transport/tls/context.hpp"
#include "picket/transport/worker.hpp"

namespace picket::apps::gateway::upstream {

/// An upstream, how its names are looked up, and what it is spoken to with.
struct Spec {
  config::Upstream upstream;
  transport::dns::Options names = {};                       ///< Of no meaning where no target is a name.
  std::shared_ptr<const transport::tls::Context> tls = {};  ///< Null: in clear.

  friend bool operator==(const Spec&, const Spec&) = default;
};

/// Where an upstream is served now, as one worker knows it: each target that is an address, and each address of those
/// that are names, which are looked up here again and again.
///
/// Thread safety: the worker's thread; the metrics may be read from any. Lifetime: worker, spec and owner outlive it.
class Sites {
 public:
  /// Whose sites they are: told that some have left, once they have. Called from the loop; must not destroy the sites.
  class Owner {
   public:
    virtual void on_sites_left() = 0;

   protected:
    ~Owner() = default;
  };

  /// Begins to look names up. `observer`: null: nobody wants to know.
  Sites(transport::Worker& worker, const Spec& spec, Owner& owner, Observer* observer);

  /// Those of one target stand together, in the targets' order.
  [[nodiscard]] std::span<const SitePtr> current() const noexcept { return current_; }
  /// How many of one target there are.
  [[nodiscard]] std::size_t count_of(std::size_t target) const noexcept;
  /// Whether each name was looked up once, well or badly.
  [[nodiscard]] bool is_settled() const noexcept;
  /// Why there are none.
  [[nodiscard]] base::Error why_none() const;

  metrics::Counter look_up_failures;
  metrics::Gauge addresses;

 private:
  /// One target, and what is known of it.
  class Target final : public transport::dns::Watch::Owner {
   public:
    Target(transport::Worker& worker, const Spec& spec, std::size_t index, Sites& sites);

    void on_places(std::span<const transport::dns::Place> places) override;
    void on_failure() override;
    void on_trouble(const base::Error& why) override;
    void on_well_again() override;

    std::vector<SitePtr> sites;
    std::optional<base::Error> trouble;
    bool is_settled = false;

   private:
    [[nodiscard]] SitePtr site_at(const transport::Endpoint& address) const;

    const transport::Destination destination_;
    const std::size_t index_;
    const std::uint32_t weight_;
    Sites& owner_;
    std::optional<transport::dns::Watch> watch_;  // of a name
  };

  void gather();

  Owner& owner_;
  Observer* observer_;
  std::vector<SitePtr> current_;
  std::list<Target> targets_;  // the first to go: what they look up tells nobody then
};

}  // namespace picket::apps::gateway::upstream
