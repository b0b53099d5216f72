#include "apps/gateway/reports/agent_metrics.hpp"

#include <array>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>

namespace picket::apps::gateway::reports {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

class AgentMetricsTest : public ::testing::Test {
 protected:
  void report(std::string_view agent, std::string_view id, std::uint64_t timestamp_ms, std::uint64_t value,
              std::string_view name = "n_total") {
    const std::array<wire::CounterMetric, 1> counters{
        {{.name = name, .help = "Things.", .labels = {}, .value = value}}};
    metrics_.take(agent, {.agent_id = id, .timestamp_ms = timestamp_ms, .counters = counters}, now_);
  }
  void report_gauge(std::string_view agent, std::string_view name) {
    const std::array<wire::GaugeMetric, 1> gauges{{{.name = name, .help = {}, .labels = {}, .value = 0.5}}};
    metrics_.take(agent, {.agent_id = agent, .timestamp_ms = 1, .gauges = gauges}, now_);
  }
  std::string page() {
    metrics::Exposition page;
    metrics_.write(page, now_);
    return std::move(page).take();
  }

  spdlog::logger nowhere_{"nowhere"};
  AgentMetrics metrics_{nowhere_};
  base::TimePoint now_ = base::TimePoint{} + 1h;
};

TEST_F(AgentMetricsTest, AReportOnManyConnectionsCountsOnce) {
  for (int connection = 0; connection < 8; ++connection) report("a", "a", 1000, 5);
  EXPECT_EQ(page(), "# HELP n_total Things.\n# TYPE n_total counter\nn_total{agent=\"a\",agent_id=\"a\"} 5\n");
}

TEST_F(AgentMetricsTest, TheNextReportTakesItsPlace) {
  report("a", "a", 1000, 5);
  now_ += 1s;
  report("a", "a", 2000, 6);
  EXPECT_THAT(page(), HasSubstr("} 6\n"));
  EXPECT_THAT(page(), Not(HasSubstr("} 5\n")));
}

TEST_F(AgentMetricsTest, AReportThatWasOvertakenIsNotRead) {
  report("a", "a", 2000, 6);
  now_ += 1s;
  report("a", "a", 1000, 5);
  EXPECT_THAT(page(), HasSubstr("} 6\n")) << "a counter that falls looks as if the agent had been restarted";
  now_ += 5s;
  report("a", "a", 1500, 1);
  EXPECT_THAT(page(), HasSubstr("} 1\n")) << "an agent whose clock was set back is heard";
}

TEST_F(AgentMetricsTest, ProcessesWithIdsOfTheirOwnStandSideBySide) {
  report("a", "a-1", 1000, 5);
  report("a", "a-2", 1000, 7);
  EXPECT_THAT(page(), HasSubstr("agent_id=\"a-1\"} 5\nn_total{agent=\"a\",agent_id=\"a-2\"} 7\n"));
}

TEST_F(AgentMetricsTest, WhatIsReportedNoMoreIsGoneInFiveMinutes) {
  report("a", "a", 1000, 5);
  now_ += AgentMetrics::lifetime - 1ms;
  EXPECT_THAT(page(), HasSubstr("n_total"));
  now_ += 1ms;
  EXPECT_EQ(page(), "");
}

TEST_F(AgentMetricsTest, OneNameIsOneKindWhoeverReportsIt) {
  report("a", "a", 1000, 5);
  report_gauge("b", "n_total");
  report_gauge("c", "other");
  EXPECT_THAT(page(), HasSubstr("# TYPE n_total counter\nn_total{agent=\"a\",agent_id=\"a\"} 5\n"));
  EXPECT_THAT(page(), HasSubstr("other{agent=\"c\",agent_id=\"c\"} 0.5\n"));
  EXPECT_THAT(page(), Not(HasSubstr("agent=\"b\"")));
  EXPECT_EQ(metrics_.refused("a"), 0U);
  EXPECT_EQ(metrics_.refused("b"), 1U);
}

TEST_F(AgentMetricsTest, AFloodOfReportsAndOfIdsIsNotRead) {
  report("a", "a", 1000, 5);
  now_ += AgentMetrics::shortest_interval / 2;
  report("a", "a", 1001, 6);
  EXPECT_THAT(page(), HasSubstr("} 5\n"));
  for (int i = 0; i < 100; ++i) report("b", "b" + std::to_string(i), 1000, 1);
  std::size_t ids = 0;
  const std::string text = page();
  for (std::size_t at = 0; (at = text.find("agent=\"b\"", at)) != std::string::npos; ++at) ++ids;
  EXPECT_EQ(ids, AgentMetrics::most_ids);
}

TEST_F(AgentMetricsTest, TheProcessesOfOneAgentShareItsLines) {
  std::vector<std::string> names;
  std::vector<wire::CounterMetric> counters;
  for (std::size_t i = 0; i < most_series - 1; ++i) names.push_back("n" + std::to_string(i));
  for (const auto& name : names) counters.push_back({.name = name, .help = {}, .labels = {}, .value = 1});
  metrics_.take("a", {.agent_id = "1", .timestamp_ms = 1, .counters = counters}, now_);
  metrics_.take("a", {.agent_id = "2", .timestamp_ms = 1, .counters = std::span{counters}.first(3)}, now_);
  EXPECT_EQ(metrics_.refused("a"), 2U);
}

}  // namespace
}  // namespace picket::apps::gateway::reports
