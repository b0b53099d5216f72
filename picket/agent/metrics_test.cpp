#include "picket/agent/metrics.hpp"

#include <array>
#include <cmath>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "picket/agent/internal/metrics_reports.hpp"

namespace picket::agent {
namespace {

using namespace std::chrono_literals;

TEST(Metrics, WhatIsDeclaredTwiceIsOneMetric) {
  Metrics metrics;
  Counter& one = metrics.counter("blocked_total", "Blocks.");
  EXPECT_EQ(&metrics.counter("blocked_total", "Blocks."), &one);
  EXPECT_NE(&metrics.counter("blocked_total", "Blocks.", {{"rule", "9"}}), &one);
}

TEST(Metrics, WhatAProxyWouldRefuseIsRefusedHere) {
  Metrics metrics;
  (void)metrics.gauge("depth", "Depth.");
  EXPECT_THROW((void)metrics.counter("depth", "Depth."), std::invalid_argument);
  for (const auto* const name : {"", "9", "a b", "picket_requests_total"})
    EXPECT_THROW((void)metrics.counter(name, ""), std::invalid_argument) << name;
  for (const auto* const label : {"", "a:b", "agent", "agent_id", "le", "__name__"})
    EXPECT_THROW((void)metrics.counter("n_total", "", {{label, "x"}}), std::invalid_argument) << label;
  EXPECT_THROW((void)metrics.histogram("h", "", {1, 1}), std::invalid_argument);
  EXPECT_THROW((void)metrics.histogram("h", "", {2, 1}), std::invalid_argument);
}

TEST(Metrics, SeveralHandlersAreAddedUp) {
  Metrics first;
  Metrics second;
  for (Metrics* const metrics : {&first, &second}) {
    metrics->counter("n_total", "Things.", {{"kind", "a"}}).add(3);
    metrics->gauge("depth", "").add(1.5);
    Histogram& seconds = metrics->histogram("s", "", {1, 2});
    for (const double value : {0.5, 1.0, 1.5, 9.0}) seconds.observe(value);
  }
  second.counter("only_here_total", "").add();
  base::Arena memory;
  const std::array<const Metrics*, 2> handlers{&first, &second};
  const auto report = Metrics::sum(handlers, memory);
  ASSERT_EQ(report.counters.size(), 2U);
  EXPECT_EQ(report.counters[0].name, "n_total");
  EXPECT_EQ(report.counters[0].help, "Things.");
  ASSERT_EQ(report.counters[0].labels.size(), 1U);
  EXPECT_EQ(report.counters[0].labels[0], (wire::TextPair{"kind", "a"}));
  EXPECT_EQ(report.counters[0].value, 6U);
  EXPECT_EQ(report.counters[1].value, 1U);
  ASSERT_EQ(report.gauges.size(), 1U);
  EXPECT_EQ(report.gauges[0].value, 3);
  ASSERT_EQ(report.histograms.size(), 1U);
  const auto& histogram = report.histograms[0];
  ASSERT_EQ(histogram.buckets.size(), 3U);
  EXPECT_EQ(histogram.buckets[0].count, 4U) << "a value on a bound is below it";
  EXPECT_EQ(histogram.buckets[1].count, 6U) << "buckets hold what is below them, too";
  EXPECT_EQ(histogram.buckets[2].count, 8U);
  EXPECT_TRUE(std::isinf(histogram.buckets[2].le.value));
  EXPECT_EQ(histogram.count, 8U);
  EXPECT_EQ(histogram.sum, 24);
}

TEST(Metrics, ThreadsMayCountTogether) {
  Metrics metrics;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) {
        metrics.counter("n_total", "").add();
        metrics.histogram("h", "").observe(1);
      }
    });
  threads.clear();
  EXPECT_EQ(metrics.counter("n_total", "").value(), 4000U);
  EXPECT_EQ(metrics.histogram("h", "").sum(), 4000);
}

TEST(Metrics, WhatIsTooMuchIsCountedAndNotReported) {
  Metrics metrics;
  for (std::size_t i = 0; i < Metrics::most_series + 10; ++i)
    metrics.counter("n_total", "", {{"id", std::to_string(i)}}).add();
  base::Arena memory;
  const std::array<const Metrics*, 1> handlers{&metrics};
  EXPECT_EQ(Metrics::sum(handlers, memory).counters.size(), Metrics::most_series);
}

TEST(MetricsReports, AnIntervalHasOneReport) {
  Metrics metrics;
  internal::MetricsReports reports{10s};
  reports.add("a", metrics);
  const base::TimePoint now = base::TimePoint{} + 1h;
  EXPECT_EQ(reports.latest(now), nullptr) << "nothing is counted";
  metrics.counter("n_total", "").add();
  const auto first = reports.latest(now);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->message.agent_id, "a");
  EXPECT_EQ(first->message.interval_ms, 10'000U);
  EXPECT_EQ(reports.latest(now + 4s), first) << "every connection is told the same";
  const auto next = reports.latest(now + 5s);
  EXPECT_NE(next, first);
  EXPECT_GT(next->message.timestamp_ms, first->message.timestamp_ms) << "told apart by it, however soon it comes";
}

TEST(MetricsReports, AnIntervalOfNothingIsNever) {
  Metrics metrics;
  metrics.counter("n_total", "").add();
  internal::MetricsReports reports{0s};
  reports.add("a", metrics);
  EXPECT_EQ(reports.latest(base::TimePoint{} + 1h), nullptr);
}

}  // namespace
}  // namespace picket::agent
