#include "picket/pool/protocol_metrics.hpp"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::pool {
namespace {

using ::testing::HasSubstr;

TEST(ProtocolMetrics, SumAllAgentsUnderThePublishedNames) {
  AgentMetrics one;
  AgentMetrics other;
  one.calls.add(3);
  other.calls.add(4);
  one.answered.add(2);
  one.failed(base::ErrorKind::timeout);
  other.failed(base::ErrorKind::flow_control_paused);
  other.connect_failures.add();
  one.connections_lost.add();
  one.in_flight.set(2);
  other.connections_ready.set(5);
  one.latency.record(std::chrono::milliseconds{2});
  other.serialization.record(std::chrono::microseconds{1});
  const std::array<const AgentMetrics*, 2> agents{&one, &other};
  metrics::Exposition page;
  write_protocol_metrics(page, "agents", agents);
  const std::string text = std::move(page).take();
  for (const std::string_view line :
       {"# TYPE agents_requests_total counter\nagents_requests_total 7\n", "agents_responses_total 2\n",
        "agents_timeouts_total 1\n", "agents_connection_errors_total 2\n", "agents_flow_control_rejections_total 1\n",
        "# TYPE agents_in_flight_requests gauge\nagents_in_flight_requests 2\n", "agents_healthy_connections 5\n",
        "agents_request_duration_seconds_count 1\n", "agents_serialization_seconds_count 1\n"})
    EXPECT_THAT(text, HasSubstr(std::string{line}));
}

}  // namespace
}  // namespace picket::pool
