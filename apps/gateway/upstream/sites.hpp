#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
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

/// What is counted of one target, all addresses of its name together.
struct TargetMetrics {
  metrics::Counter requests;  ///< That got a connection.
  metrics::Counter failures;  ///< Of them, or of connects: that got no answer.
  metrics::Counter rests;     ///< How often an address was passed over from then on.
  metrics::Counter checks_failed;
  metrics::Gauge healthy;  ///< Addresses that are not found down by checks.
};

/// Where an upstream is served now, as one worker knows it: each target that is an address, and each address of those
/// that are names, which are looked up here again and again.
///
/// Thread safety: the worker's thread; the metrics may be read from any. Lifetime: worker, spec and owner outlive it.
class Sites {
 public:
  /// Whose sites they are: told once they have changed. Called from the loop; must not destroy the sites.
  class Owner {
   public:
    virtual void on_sites_changed() = 0;

   protected:
    ~Owner() = default;
  };

  /// Begins to look names up. `observer`: null: nobody wants to know. `predecessor`: what it knows of the health of the
  /// same addresses goes on; null: there is none.
  Sites(transport::Worker& worker, const Spec& spec, Owner& owner, Observer* observer, const Sites* predecessor);

  /// Those of one target stand together, in the targets' order.
  [[nodiscard]] std::span<const SitePtr> current() const noexcept { return current_; }
  /// How many of one target there are.
  [[nodiscard]] std::size_t count_of(std::size_t target) const noexcept;
  /// What of it is counted, and how it is called: "HOST:PORT" or "unix:PATH".
  [[nodiscard]] TargetMetrics& metrics_of(std::size_t target) noexcept;
  [[nodiscard]] const TargetMetrics& metrics_of(std::size_t target) const noexcept;
  [[nodiscard]] const std::string& name_of(std::size_t target) const noexcept;
  /// The health of some of its sites has changed.
  void count_healthy(std::size_t target) noexcept;
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

    [[nodiscard]] const std::string& name() const noexcept { return destination_.endpoint().text(); }

    std::vector<SitePtr> sites;
    std::optional<base::Error> trouble;
    bool is_settled = false;
    TargetMetrics metrics;

   private:
    [[nodiscard]] SitePtr site_at(const transport::Endpoint& address) const;
    [[nodiscard]] SitePtr new_site(transport::Destination destination) const;

    const transport::Destination destination_;
    const std::size_t index_;
    const std::uint32_t weight_;
    Sites& owner_;
    std::optional<transport::dns::Watch> watch_;  // of a name
  };

  void gather();

  Owner& owner_;
  Observer* observer_;
  std::map<std::string, SiteHealth, std::less<>> known_;  // of the predecessor's addresses
  std::vector<SitePtr> current_;
  std::deque<Target> targets_;  // the first to go: what they look up tells nobody then
};

}  // namespace picket::apps::gateway::upstream
