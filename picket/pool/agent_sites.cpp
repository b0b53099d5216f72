#include <algorithm>
#include <utility>

#include "picket/pool/agent.hpp"

/// Of an agent what concerns its addresses: which there are, and what becomes of connections when they change.
namespace picket::pool {

void Agent::on_places(std::span<const transport::dns::Place> places) {
  const auto before = std::exchange(sites_, {});
  for (const auto& place : places) sites_.push_back(site_at(place, before));
  metrics_.addresses.set(static_cast<std::int64_t>(sites_.size()));
  for (const auto& site : before) site->is_current = std::ranges::find(sites_, site) != sites_.end();
  are_ranked_ = std::ranges::any_of(sites_, [&](const auto& site) {
    return site->priority != sites_.front()->priority || site->weight != sites_.front()->weight;
  });
  for (const auto& connection : connections_)
    if (!connection->site().is_current && !connection->is_closed() && !connection->is_draining()) connection->leave();
  close_idle();
  for (const auto& site : sites_)
    if (std::ranges::find(before, site) == before.end()) connect_to(site);
  if (observer_ != nullptr) observer_->on_places(id(), places);
  on_settled();
}

std::shared_ptr<Site> Agent::site_at(const transport::dns::Place& place,
                                     std::span<const std::shared_ptr<Site>> before) const {
  const auto found = std::ranges::find_if(
      before, [&](const auto& site) { return site->destination.endpoint().text() == place.address.text(); });
  auto site = found != before.end() ? *found : std::make_shared<Site>(destination_.at(place.address));
  site->priority = place.priority;
  site->weight = place.weight;
  return site;
}

void Agent::connect_to(const std::shared_ptr<Site>& site) {
  for (std::uint32_t i = 0; i < config_.connections_per_agent; ++i) add_connection(site).dial();
}

void Agent::on_failure() { metrics_.look_up_failures.add(); }

void Agent::on_trouble(const base::Error& why) {
  if (sites_.empty()) last_error_ = why;
  if (observer_ != nullptr) observer_->on_look_up_trouble(id(), why, sites_.size());
}

void Agent::on_well_again() {
  if (observer_ != nullptr) observer_->on_looked_up_again(id());
}

void Agent::on_overdue(AgentConnection& connection) {
  connection.close();
  close_idle();
  on_settled();
}

}  // namespace picket::pool
