#include "apps/gateway/upstream/sites.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "apps/gateway/config/address.hpp"

namespace picket::apps::gateway::upstream {
namespace {

/// What the configuration has checked.
transport::Endpoint endpoint_of(const config::Target& target) {
  if (!target.path.empty()) return transport::Endpoint::unix_path(target.path).value();
  if (auto literal = transport::Endpoint::tcp(target.host, target.port)) return std::move(*literal);
  return transport::Endpoint::parse(fmt::format("tcp:{}:{}", target.host, target.port), transport::ClearText::allowed,
                                    transport::Hosts::names_too)
      .value();
}

}  // namespace

Sites::Sites(transport::Worker& worker, const Spec& spec, Owner& owner, Observer* observer, const Sites* predecessor)
    : owner_(owner), observer_(observer) {
  if (predecessor != nullptr)
    for (const SitePtr& site : predecessor->current_) {
      SiteHealth& known = known_.emplace(site->endpoint().text(), site->health).first->second;
      if (!spec.upstream.health_check) known.unchecked();
    }
  for (std::size_t i = 0; i < spec.upstream.targets.size(); ++i) targets_.emplace_back(worker, spec, i, *this);
  gather();
}

std::size_t Sites::count_of(std::size_t target) const noexcept { return targets_[target].sites.size(); }
TargetMetrics& Sites::metrics_of(std::size_t target) noexcept { return targets_[target].metrics; }
const TargetMetrics& Sites::metrics_of(std::size_t target) const noexcept { return targets_[target].metrics; }
const std::string& Sites::name_of(std::size_t target) const noexcept { return targets_[target].name(); }

void Sites::count_healthy(std::size_t target) noexcept {
  Target& counted = targets_[target];
  counted.metrics.healthy.set(
      std::ranges::count_if(counted.sites, [](const SitePtr& site) { return site->health.is_up(); }));
}

bool Sites::is_settled() const noexcept { return std::ranges::all_of(targets_, &Target::is_settled); }

base::Error Sites::why_none() const {
  for (const Target& target : targets_)
    if (target.trouble) return *target.trouble;
  return base::fail(base::ErrorKind::connection_failed, "its name is being looked up");
}

void Sites::gather() {
  current_.clear();
  for (const Target& target : targets_) current_.insert(current_.end(), target.sites.begin(), target.sites.end());
  addresses.set(static_cast<std::int64_t>(current_.size()));
  for (std::size_t i = 0; i < targets_.size(); ++i) count_healthy(i);
}

// ---- one target

Sites::Target::Target(transport::Worker& worker, const Spec& spec, std::size_t index, Sites& sites_in)
    : destination_(transport::Destination::sharing(endpoint_of(spec.upstream.targets[index]), spec.tls)),
      index_(index),
      weight_(spec.upstream.targets[index].weight),
      owner_(sites_in) {
  if (destination_.endpoint().is_name()) {
    watch_.emplace(worker, spec.names, destination_.endpoint(), *this);
  } else {
    sites.push_back(new_site(destination_));
    is_settled = true;
  }
}

SitePtr Sites::Target::site_at(const transport::Endpoint& address) const {
  const auto found =
      std::ranges::find_if(sites, [&](const SitePtr& site) { return site->endpoint().text() == address.text(); });
  return found != sites.end() ? *found : new_site(destination_.at(address));
}

SitePtr Sites::Target::new_site(transport::Destination destination) const {
  SitePtr made{new Site{std::move(destination), index_, weight_}};
  const auto known = owner_.known_.find(made->endpoint().text());
  if (known != owner_.known_.end()) made->health = known->second;
  return made;
}

void Sites::Target::on_places(std::span<const transport::dns::Place> places) {
  is_settled = true;
  trouble.reset();
  std::vector<SitePtr> now;
  for (const auto& place : places) now.push_back(site_at(place.address));
  for (const SitePtr& site : sites) site->is_current = std::ranges::find(now, site) != now.end();
  sites = std::move(now);
  owner_.gather();
  owner_.owner_.on_sites_changed();
  if (owner_.observer_ != nullptr) owner_.observer_->on_places(destination_.endpoint().text(), places);
}

void Sites::Target::on_failure() { owner_.look_up_failures.add(); }

void Sites::Target::on_trouble(const base::Error& why) {
  is_settled = true;
  trouble = why;
  if (owner_.observer_ != nullptr)
    owner_.observer_->on_look_up_trouble(destination_.endpoint().text(), why, sites.size());
}

void Sites::Target::on_well_again() {
  trouble.reset();
  if (owner_.observer_ != nullptr) owner_.observer_->on_looked_up_again(destination_.endpoint().text());
}

}  // namespace picket::apps::gateway::upstream
