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

Sites::Sites(transport::Worker& worker, const Spec& spec, Owner& owner, Observer* observer)
    : owner_(owner), observer_(observer) {
  for (std::size_t i = 0; i < spec.upstream.targets.size(); ++i) targets_.emplace_back(worker, spec, i, *this);
  gather();
}

std::size_t Sites::count_of(std::size_t target) const noexcept {
  return std::next(targets_.begin(), static_cast<std::ptrdiff_t>(target))->sites.size();
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
    sites.push_back(SitePtr{new Site{destination_, index_, weight_}});
    is_settled = true;
  }
}

SitePtr Sites::Target::site_at(const transport::Endpoint& address) const {
  const auto found =
      std::ranges::find_if(sites, [&](const SitePtr& site) { return site->endpoint().text() == address.text(); });
  return found != sites.end() ? *found : SitePtr{new Site{destination_.at(address), index_, weight_}};
}

void Sites::Target::on_places(std::span<const transport::dns::Place> places) {
  is_settled = true;
  trouble.reset();
  std::vector<SitePtr> now;
  for (const auto& place : places) now.push_back(site_at(place.address));
  for (const SitePtr& site : sites) site->is_current = std::ranges::find(now, site) != now.end();
  sites = std::move(now);
  owner_.gather();
  owner_.owner_.on_sites_left();
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
