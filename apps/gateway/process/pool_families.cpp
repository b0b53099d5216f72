#include "apps/gateway/process/pool_families.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "picket/base/error.hpp"

namespace picket::apps::gateway::process {
namespace {

using pool::AgentMetrics;

template <auto member>
void total(metrics::Exposition& page, metrics::Labels agent, OfShards shards) {
  decltype((shards[0]->*member).value()) sum = 0;
  for (const auto* shard : shards) sum += (shard->*member).value();
  page.sample(agent, sum);
}

void errors_by_kind(metrics::Exposition& page, metrics::Labels agent, OfShards shards) {
  for (std::size_t kind = 0; kind < base::error_kind_count; ++kind) {
    std::vector<metrics::Labels::value_type> labels{agent.begin(), agent.end()};
    labels.emplace_back("kind", base::name(static_cast<base::ErrorKind>(kind)));
    std::uint64_t sum = 0;
    for (const auto* shard : shards) sum += shard->failures[kind].value();
    page.sample(labels, sum);
  }
}

void fewest_addresses(metrics::Exposition& page, metrics::Labels agent, OfShards shards) {
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (const auto* shard : shards) least = std::min(least, shard->addresses.value());
  page.sample(agent, least);
}

void breakers_not_closed(metrics::Exposition& page, metrics::Labels agent, OfShards shards) {
  const auto count = std::ranges::count_if(shards, [](const auto* shard) { return shard->breaker_state.value() != 0; });
  page.sample(agent, static_cast<std::uint64_t>(count));
}

void latencies(metrics::Exposition& page, metrics::Labels agent, OfShards shards) {
  std::vector<const metrics::Histogram*> all;
  for (const auto* shard : shards) all.push_back(&shard->latency);
  page.sample(agent, all);
}

constexpr auto families = std::to_array<PoolFamily>({
    {"counter", "picket_agent_calls_total", "Events for agents.", total<&AgentMetrics::calls>},
    {"counter", "picket_agent_answers_total", "Events that agents answered.", total<&AgentMetrics::answered>},
    {"counter", "picket_agent_skipped_total", "Events of kinds that the agent did not declare.",
     total<&AgentMetrics::skipped>},
    {"counter", "picket_agent_errors_total", "Events that ended without an answer, by kind of error.", errors_by_kind},
    {"counter", "picket_agent_connections_opened_total", "Connections to agents that became ready.",
     total<&AgentMetrics::connections_opened>},
    {"counter", "picket_agent_connections_lost_total", "Ready connections to agents that ended.",
     total<&AgentMetrics::connections_lost>},
    {"counter", "picket_agent_connect_failures_total", "Connections to agents that failed before they were ready.",
     total<&AgentMetrics::connect_failures>},
    {"counter", "picket_agent_look_up_failures_total", "Look-ups of an agent's name that failed.",
     total<&AgentMetrics::look_up_failures>},
    {"counter", "picket_agent_responses_dropped_total", "Responses that were late, doubled, unknown or forged.",
     total<&AgentMetrics::responses_dropped>},
    {"counter", "picket_agent_breaker_refusals_total", "Events that the circuit breaker refused.",
     total<&AgentMetrics::breaker_refusals>},
    {"counter", "picket_agent_hedges_total", "Events that were asked twice, as the answer took long.",
     total<&AgentMetrics::hedges>},
    {"counter", "picket_agent_hedges_answered_total", "Events whose second copy was answered first.",
     total<&AgentMetrics::hedges_answered>},
    {"gauge", "picket_agent_connections_ready", "Connections to agents that take events.",
     total<&AgentMetrics::connections_ready>},
    {"gauge", "picket_agent_addresses", "Addresses of an agent, on the worker that knows fewest.", fewest_addresses},
    {"gauge", "picket_agent_events_in_flight", "Events that agents have not answered yet.",
     total<&AgentMetrics::in_flight>},
    {"gauge", "picket_agent_events_waiting", "Events that wait for a free place.", total<&AgentMetrics::waiting>},
    {"gauge", "picket_agent_breakers_open", "Workers whose circuit breaker is open or half open.", breakers_not_closed},
    {"histogram", "picket_agent_latency_seconds", "From an event to its answer, queueing included.", latencies},
});

}  // namespace

std::span<const PoolFamily> pool_families() noexcept { return families; }

}  // namespace picket::apps::gateway::process
