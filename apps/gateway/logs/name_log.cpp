#include "apps/gateway/logs/name_log.hpp"

#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/logger.h>

namespace picket::apps::gateway::logs {
namespace {

constexpr std::size_t most_troubles = 8;  // of one name between two look-ups that go well

}  // namespace

void NameLog::on_places(std::string_view whose, std::span<const transport::dns::Place> places) const {
  std::vector<std::string_view> addresses;
  for (const auto& place : places) addresses.push_back(place.address.text());
  log_.info("{}: its name has these addresses (worker {}): {}", whose, shard_, fmt::join(addresses, ", "));
}

void NameLog::on_trouble(std::string_view whose, const base::Error& why, std::size_t known) {
  auto& said = said_[std::string{whose}];
  if (said.size() >= most_troubles || !said.insert(why.detail()).second) return;
  const std::string_view what =
      known == 0 ? "it is unavailable until that goes well; tried on" : "the addresses that are known are used on";
  log_.warn("{}: {} (worker {}): {}", whose, what, shard_, why.detail());
}

void NameLog::on_well_again(std::string_view whose) {
  if (said_.erase(std::string{whose}) == 0) return;
  log_.info("{}: its name is looked up again without trouble (worker {})", whose, shard_);
}

}  // namespace picket::apps::gateway::logs
