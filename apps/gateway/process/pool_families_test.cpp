#include "apps/gateway/process/pool_families.hpp"

#include <array>
#include <chrono>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::apps::gateway::process {
namespace {

using ::testing::HasSubstr;

std::string page_of(OfShards shards) {
  const std::array<std::pair<std::string_view, std::string_view>, 1> agent{{{"agent", "a"}}};
  metrics::Exposition page;
  for (const PoolFamily& family : pool_families()) {
    page.family(family.name, family.help, family.kind);
    family.write(page, agent, shards);
  }
  return std::move(page).take();
}

TEST(PoolFamilies, SumWhatTheShardsCountEachUnderItsName) {
  std::array<pool::AgentMetrics, 2> shards;
  for (auto& shard : shards) {
    shard.calls.add(1);
    shard.answered.add(2);
    shard.skipped.add(3);
    shard.failed(base::ErrorKind::timeout);
    shard.connections_opened.add(4);
    shard.connections_lost.add(5);
    shard.connect_failures.add(6);
    shard.look_up_failures.add(7);
    shard.responses_dropped.add(8);
    shard.breaker_refusals.add(9);
    shard.hedges.add(10);
    shard.hedges_answered.add(11);
    shard.connections_ready.set(12);
    shard.in_flight.set(13);
    shard.waiting.set(14);
    shard.latency.record(std::chrono::milliseconds{1});
  }
  const std::array<const pool::AgentMetrics*, 2> both{&shards[0], &shards[1]};
  const std::string page = page_of(both);
  for (const std::string_view line :
       {"calls_total{agent=\"a\"} 2\n", "answers_total{agent=\"a\"} 4\n", "skipped_total{agent=\"a\"} 6\n",
        "errors_total{agent=\"a\",kind=\"timeout\"} 2\n", "errors_total{agent=\"a\",kind=\"io\"} 0\n",
        "connections_opened_total{agent=\"a\"} 8\n", "connections_lost_total{agent=\"a\"} 10\n",
        "connect_failures_total{agent=\"a\"} 12\n", "look_up_failures_total{agent=\"a\"} 14\n",
        "responses_dropped_total{agent=\"a\"} 16\n", "breaker_refusals_total{agent=\"a\"} 18\n",
        "hedges_total{agent=\"a\"} 20\n", "hedges_answered_total{agent=\"a\"} 22\n",
        "connections_ready{agent=\"a\"} 24\n", "events_in_flight{agent=\"a\"} 26\n", "events_waiting{agent=\"a\"} 28\n",
        "latency_seconds_count{agent=\"a\"} 2\n"})
    EXPECT_THAT(page, HasSubstr("\npicket_agent_" + std::string{line}));
}

TEST(PoolFamilies, TellOfTheShardThatKnowsFewestAddressesAndOfBreakersThatAreNotClosed) {
  std::array<pool::AgentMetrics, 3> shards;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    shards[i].addresses.set(static_cast<std::int64_t>(2 + i));
    shards[i].breaker_state.set(static_cast<std::int64_t>(i));
  }
  const std::array<const pool::AgentMetrics*, 3> all{&shards[2], &shards[0], &shards[1]};
  const std::string page = page_of(all);
  EXPECT_THAT(page, HasSubstr("\npicket_agent_addresses{agent=\"a\"} 2\n"));
  EXPECT_THAT(page, HasSubstr("\npicket_agent_breakers_open{agent=\"a\"} 2\n"));
}

}  // namespace
}  // namespace picket::apps::gateway::process
