#include "picket/agent/internal/self_report.hpp"

#include <gtest/gtest.h>

namespace picket::agent::internal {
namespace {

using namespace std::chrono_literals;

TEST(SelfReport, LatenciesAreThoseSinceTheLastReportOverAllWorkers) {
  SelfReport report{0s};
  const Metrics none;
  Workload& one = report.add_worker("a", none);
  Workload& two = report.add_worker("a", none);
  LatencyWindow window;
  base::Arena memory;
  for (int i = 0; i < 60; ++i) one.latency.record(1ms);
  for (int i = 0; i < 38; ++i) two.latency.record(10ms);
  for (int i = 0; i < 2; ++i) two.latency.record(100ms);
  const auto first = report.detailed_status(Health::healthy(), window, memory);
  ASSERT_TRUE(first.load);
  EXPECT_NEAR(first.load->avg_latency_ms, 6.4, 0.01);
  EXPECT_NEAR(first.load->p50_latency_ms, 1, 0.07);
  EXPECT_NEAR(first.load->p95_latency_ms, 10, 0.7);
  EXPECT_NEAR(first.load->p99_latency_ms, 100, 7);
  one.latency.record(20ms);
  const auto second = report.detailed_status(Health::healthy(), window, memory);
  EXPECT_NEAR(second.load->p50_latency_ms, 20, 1.3);
  const auto third = report.detailed_status(Health::healthy(), window, memory);
  EXPECT_EQ(third.load->p99_latency_ms, 0) << "nothing was answered since";
}

}  // namespace
}  // namespace picket::agent::internal
