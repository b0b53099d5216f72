#include "apps/gateway/reports/metrics_report.hpp"

#include <array>
#include <limits>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::apps::gateway::reports {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;
using wire::CounterMetric;
using wire::TextPair;

constexpr double infinity = std::numeric_limits<double>::infinity();

ReadReport read_counters(const std::vector<CounterMetric>& counters, std::size_t room = most_series) {
  return read_report("waf", {.agent_id = "waf-1", .counters = counters}, room);
}
ReadReport read_histogram(const std::vector<wire::HistogramBucket>& buckets, std::uint64_t count) {
  const std::array<wire::HistogramMetric, 1> histograms{
      {{.name = "h", .help = "A histogram.", .labels = {}, .sum = 1.5, .count = count, .buckets = buckets}}};
  return read_report("waf", {.agent_id = "waf-1", .histograms = histograms});
}
/// Why the only series is refused.
std::string why(const ReadReport& read) {
  EXPECT_THAT(read.families, IsEmpty());
  EXPECT_EQ(read.refused.size(), 1U);
  return read.refused.empty() ? std::string{} : std::string{read.refused.front().reason};
}

TEST(MetricsReport, ASeriesIsALineWithTheAgentsIdAndItsOwnInTheOrderOfTheirNames) {
  constexpr std::array<TextPair, 2> labels{{{"zone", "b\"c"}, {"rule", "9"}}};
  const auto read = read_counters({{.name = "blocked_total", .help = "Blocks.", .labels = labels, .value = 7},
                                   {.name = "blocked_total", .help = {}, .labels = {}, .value = 1}});
  ASSERT_THAT(read.families, ElementsAre(Key("blocked_total")));
  const Family& family = read.families.at("blocked_total");
  EXPECT_EQ(family.kind, "counter");
  EXPECT_EQ(family.help, "Blocks.");
  EXPECT_EQ(family.samples,
            "blocked_total{agent=\"waf\",agent_id=\"waf-1\",rule=\"9\",zone=\"b\\\"c\"} 7\n"
            "blocked_total{agent=\"waf\",agent_id=\"waf-1\"} 1\n");
  EXPECT_THAT(read.refused, IsEmpty());
}

TEST(MetricsReport, AHistogramHasItsBoundsAndAnInfiniteOne) {
  for (const bool says_infinite : {false, true}) {
    std::vector<wire::HistogramBucket> buckets{{{0.5}, 2}, {{1}, 3}};
    if (says_infinite) buckets.push_back({{infinity}, 4});
    const auto read = read_histogram(buckets, 4);
    ASSERT_THAT(read.families, ElementsAre(Key("h")));
    EXPECT_EQ(read.families.at("h").samples,
              "h_bucket{agent=\"waf\",agent_id=\"waf-1\",le=\"0.5\"} 2\n"
              "h_bucket{agent=\"waf\",agent_id=\"waf-1\",le=\"1\"} 3\n"
              "h_bucket{agent=\"waf\",agent_id=\"waf-1\",le=\"+Inf\"} 4\n"
              "h_sum{agent=\"waf\",agent_id=\"waf-1\"} 1.5\n"
              "h_count{agent=\"waf\",agent_id=\"waf-1\"} 4\n");
    EXPECT_EQ(read.lines, 5U);
  }
}

TEST(MetricsReport, BucketsThatDoNotAddUpAreRefused) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<std::vector<wire::HistogramBucket>> wrong{
      {{{1}, 2}, {{1}, 3}}, {{{2}, 1}, {{1}, 2}}, {{{1}, 3}, {{2}, 2}}, {{{1}, 5}}, {{{nan}, 1}}, {{{infinity}, 3}}};
  for (const auto& buckets : wrong) EXPECT_EQ(why(read_histogram(buckets, 4)), "its buckets do not add up");
}

TEST(MetricsReport, NamesThatAreNoneOrTheGatewaysAreRefused) {
  for (const std::string_view name : {"", "9", "a b", "a{x=\"1\"} 5\nforged", "\xC3\xA4"})
    EXPECT_EQ(why(read_counters({{.name = name}})), "its name is no name of a metric");
  EXPECT_THAT(why(read_counters({{.name = "picket_requests_total"}})), ::testing::HasSubstr("picket_"));
}

TEST(MetricsReport, LabelsThatAreNoneOrTheGatewaysAreRefused) {
  const auto with = [](std::string_view name, std::string_view value) {
    const std::array<TextPair, 1> labels{{{name, value}}};
    return why(read_counters({{.name = "a", .help = {}, .labels = labels}}));
  };
  for (const std::string_view name : {"", "a:b", "__name__", "a\"} 1\n", "1"})
    EXPECT_THAT(with(name, "x"), ::testing::HasSubstr("no name of a label")) << name;
  for (const std::string_view name : {"agent", "agent_id", "le"})
    EXPECT_THAT(with(name, "x"), ::testing::HasSubstr("the gateway's own")) << name;
  EXPECT_THAT(with("a", "b\nc"), ::testing::HasSubstr("control characters"));
  EXPECT_THAT(with("a", std::string(257, 'x')), ::testing::HasSubstr("too long"));
  constexpr std::array<TextPair, 2> twice{{{"a", "1"}, {"a", "2"}}};
  EXPECT_THAT(why(read_counters({{.name = "a", .help = {}, .labels = twice}})), ::testing::HasSubstr("twice"));
  const std::vector<TextPair> many(most_labels + 1, TextPair{"a", "1"});
  EXPECT_THAT(why(read_counters({{.name = "a", .help = {}, .labels = many}})), ::testing::HasSubstr("too many"));
}

TEST(MetricsReport, WhatIsThereTwiceIsReadOnce) {
  constexpr std::array<TextPair, 2> one{{{"a", "1"}, {"b", "2"}}};
  constexpr std::array<TextPair, 2> same{{{"b", "2"}, {"a", "1"}}};
  const auto read = read_counters(
      {{.name = "n", .help = {}, .labels = one, .value = 1}, {.name = "n", .help = {}, .labels = same, .value = 2}});
  EXPECT_EQ(read.families.at("n").samples, "n{agent=\"waf\",agent_id=\"waf-1\",a=\"1\",b=\"2\"} 1\n");
  EXPECT_EQ(read.refused.size(), 1U);
}

TEST(MetricsReport, OneNameIsOneKindAndNoPartOfAHistogramIsAnotherMetric) {
  const std::array<wire::CounterMetric, 2> counters{{{.name = "n", .value = 1}, {.name = "h_count", .value = 1}}};
  const std::array<wire::GaugeMetric, 1> gauges{{{.name = "n", .value = 2}}};
  const std::array<wire::HistogramMetric, 1> histograms{{{.name = "h"}}};
  const auto read =
      read_report("waf", {.agent_id = "w", .counters = counters, .gauges = gauges, .histograms = histograms});
  EXPECT_THAT(read.families, ElementsAre(Key("h_count"), Key("n")));
  EXPECT_EQ(read.families.at("n").kind, "counter");
  EXPECT_EQ(read.refused.size(), 2U);
}

TEST(MetricsReport, WhatIsTooMuchIsRefusedAndTheRestIsRead) {
  std::vector<std::string> names;
  for (int i = 0; i < 12; ++i) names.push_back(fmt::format("n{}", i));
  std::vector<CounterMetric> counters;
  for (const auto& name : names) counters.push_back({.name = name, .help = {}, .labels = {}, .value = 1});
  const auto read = read_counters(counters, 10);
  EXPECT_EQ(read.families.size(), 10U);
  EXPECT_EQ(read.refused.size(), 2U);
}

TEST(MetricsReport, AnAgentsOwnIdEndsNoLine) {
  const auto read =
      read_report("waf", {.agent_id = "a\"\n} 1", .counters = std::array<CounterMetric, 1>{{{.name = "n"}}}});
  EXPECT_EQ(read.families.at("n").samples, "n{agent=\"waf\",agent_id=\"a\\\"\\\\x0a} 1\"} 0\n");
}

}  // namespace
}  // namespace picket::apps::gateway::reports
