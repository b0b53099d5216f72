#include "picket/pool/protocol_metrics.hpp"

#include <numeric>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace picket::pool {
namespace {

struct Family {
  std::string_view name;
  std::string_view help;
  std::uint64_t (*value)(const AgentMetrics&);
};

std::uint64_t failures(const AgentMetrics& agent, base::ErrorKind kind) {
  return agent.failures[static_cast<std::size_t>(kind)].value();
}

constexpr Family counters[] = {
    {"requests_total", "Events meant for agents.", [](const auto& agent) { return agent.calls.value(); }},
    {"responses_total", "Events that were answered.", [](const auto& agent) { return agent.answered.value(); }},
    {"timeouts_total", "Events that were not answered in time.",
     [](const auto& agent) { return failures(agent, base::ErrorKind::timeout); }},
    {"connection_errors_total", "Connections that could not be made or ended.",
     [](const auto& agent) { return agent.connect_failures.value() + agent.connections_lost.value(); }},
    {"flow_control_rejections_total", "Events that were kept back since the agent asked for a pause.",
     [](const auto& agent) { return failures(agent, base::ErrorKind::flow_control_paused); }}};

constexpr Family gauges[] = {{"in_flight_requests", "Events that are sent and not answered.",
                              [](const auto& agent) { return static_cast<std::uint64_t>(agent.in_flight.value()); }},
                             {"healthy_connections", "Connections that take events.", [](const auto& agent) {
                                return static_cast<std::uint64_t>(agent.connections_ready.value());
                              }}};

}  // namespace

void write_protocol_metrics(metrics::Exposition& page, std::string_view prefix,
                            std::span<const AgentMetrics* const> agents) {
  const auto name = [&](std::string_view end) { return fmt::format("{}_{}", prefix, end); };
  const auto sum = [&](const Family& family) {
    return std::accumulate(agents.begin(), agents.end(), std::uint64_t{0},
                           [&](std::uint64_t total, const auto* agent) { return total + family.value(*agent); });
  };
  for (const Family& family : counters) {
    page.counter_family(name(family.name), family.help);
    page.sample({}, sum(family));
  }
  for (const Family& family : gauges) {
    page.gauge_family(name(family.name), family.help);
    page.sample({}, sum(family));
  }
  const auto times = [&](std::string_view end, std::string_view help, metrics::Histogram AgentMetrics::* member) {
    page.histogram_family(name(end), help);
    std::vector<const metrics::Histogram*> all;
    for (const auto* agent : agents) all.push_back(&(agent->*member));
    page.sample({}, all);
  };
  times("request_duration_seconds", "From an event to its answer, queueing included.", &AgentMetrics::latency);
  times("serialization_seconds", "Of writing an event, of one event in 1,024.", &AgentMetrics::serialization);
}

}  // namespace picket::pool
