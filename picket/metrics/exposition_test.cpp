#include "picket/metrics/exposition.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace picket::metrics {
namespace {

using Label = std::pair<std::string_view, std::string_view>;

TEST(Exposition, FamilyStandsBeforeItsSamples) {
  Exposition text;
  text.counter_family("picket_requests_total", "Requests served.");
  const std::array<Label, 2> labels{{{"route", "all"}, {"status", "200"}}};
  text.sample(labels, std::uint64_t{7});
  text.gauge_family("picket_in_flight", "Requests being served.");
  text.sample({}, std::int64_t{-1});
  EXPECT_EQ(std::move(text).take(),
            "# HELP picket_requests_total Requests served.\n"
            "# TYPE picket_requests_total counter\n"
            "picket_requests_total{route=\"all\",status=\"200\"} 7\n"
            "# HELP picket_in_flight Requests being served.\n"
            "# TYPE picket_in_flight gauge\n"
            "picket_in_flight -1\n");
}

TEST(Exposition, LabelValuesAreEscaped) {
  Exposition text;
  text.gauge_family("g", "a\\b\nc");
  const std::array<Label, 1> labels{{{"l", "q\"b\\n\n"}}};
  text.sample(labels, 0.5);
  EXPECT_EQ(std::move(text).take(), "# HELP g a\\\\b\\nc\n# TYPE g gauge\ng{l=\"q\\\"b\\\\n\\n\"} 0.5\n");
}

/// The lines of a histogram, as who scrapes a page has them: a bound in seconds, and how many values are at most that.
std::vector<std::pair<double, double>> buckets_of(std::span<const Histogram* const> histograms) {
  Exposition text;
  text.histogram_family("h_seconds", "Latency.");
  text.sample({}, histograms);
  std::istringstream page{std::move(text).take()};
  std::vector<std::pair<double, double>> buckets;
  constexpr std::string_view start = "h_seconds_bucket{le=\"";
  for (std::string line; std::getline(page, line);)
    if (line.starts_with(start))
      buckets.emplace_back(std::strtod(line.c_str() + start.size(), nullptr),
                           std::strtod(line.c_str() + line.rfind(' '), nullptr));
  return buckets;
}

/// A quantile in the way of Prometheus' histogram_quantile: on a straight line between the two bounds around it.
double quantile(const std::vector<std::pair<double, double>>& buckets, double share) {
  const double rank = share * buckets.back().second;
  double bound_before = 0;
  double count_before = 0;
  for (const auto& [bound, count] : buckets) {
    if (count >= rank) return bound_before + (bound - bound_before) * (rank - count_before) / (count - count_before);
    bound_before = bound;
    count_before = count;
  }
  return bound_before;
}

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

TEST(Exposition, HistogramSumsItsWorkersAndEndsWithInfinity) {
  const auto one = std::make_unique<Histogram>();
  const auto two = std::make_unique<Histogram>();
  one->record(std::chrono::microseconds{3});
  two->record(std::chrono::seconds{1});
  two->record(std::chrono::hours{1});
  const std::array<const Histogram*, 2> both{one.get(), two.get()};
  Exposition text;
  text.histogram_family("h_seconds", "Latency.");
  text.sample({}, std::span<const Histogram* const>{both});
  const std::string out = std::move(text).take();
  EXPECT_NE(out.find("h_seconds_bucket{le=\"9.727e-06\"} 1\n"), std::string::npos) << out;
  EXPECT_NE(out.find("h_seconds_bucket{le=\"107.374182399\"} 2\n"), std::string::npos) << out;
  EXPECT_NE(out.find("h_seconds_bucket{le=\"+Inf\"} 3\n"), std::string::npos) << out;
  EXPECT_NE(out.find("h_seconds_sum 3601.000003\n"), std::string::npos) << out;
  EXPECT_NE(out.find("h_seconds_count 3\n"), std::string::npos) << out;
}

TEST(Exposition, ASumOfCenturiesIsNoNegativeOne) {
  // A few days of ten thousand long exchanges at once: more nanoseconds than an int64 has.
  const auto one = std::make_unique<Histogram>();
  const auto two = std::make_unique<Histogram>();
  one->record(std::chrono::years{290});
  two->record(std::chrono::years{290});
  const std::array<const Histogram*, 2> both{one.get(), two.get()};
  Exposition text;
  text.histogram_family("h_seconds", "Latency.");
  text.sample({}, std::span<const Histogram* const>{both});
  const std::string out = std::move(text).take();
  constexpr std::string_view name = "\nh_seconds_sum ";
  ASSERT_NE(out.find(name), std::string::npos) << out;
  const double sum = std::strtod(out.c_str() + out.find(name) + name.size(), nullptr);
  EXPECT_NEAR(sum, std::chrono::duration<double>(std::chrono::years{580}).count(), 1);
}

TEST(Exposition, QuantilesOfAPageAreWithinTenPercentWhereverTheValuesLie) {
  for (double value = 10'000; value < 100e9; value *= 1.013) {
    // All values but a few are the same: the worst that can happen between two bounds.
    const auto histogram = std::make_unique<Histogram>();
    for (int i = 0; i < 98; ++i) histogram->record(std::chrono::nanoseconds{static_cast<std::int64_t>(value)});
    histogram->record(std::chrono::nanoseconds{1});
    histogram->record(std::chrono::hours{1});
    const std::array<const Histogram*, 1> all{histogram.get()};
    const auto buckets = buckets_of(all);
    for (const double share : {0.02, 0.5, 0.9, 0.99}) {
      const double read = quantile(buckets, share);
      ASSERT_GE(read, value / 1e9 * 0.9) << share;
      ASSERT_LE(read, value / 1e9 * 1.1) << share;
    }
  }
}

TEST(Exposition, QuantilesOfManyDifferentValuesAreWithinTenPercent) {
  std::mt19937 random{7};
  std::lognormal_distribution<double> latency{std::log(300'000.0), 1.5};  // around 300 µs, with a long tail
  const auto histogram = std::make_unique<Histogram>();
  std::vector<double> values;
  for (int i = 0; i < 50'000; ++i) {
    const std::chrono::nanoseconds value{static_cast<std::int64_t>(latency(random))};
    values.push_back(seconds(value));
    histogram->record(value);
  }
  std::ranges::sort(values);
  const std::array<const Histogram*, 1> all{histogram.get()};
  const auto buckets = buckets_of(all);
  for (const double share : {0.5, 0.9, 0.99, 0.999}) {
    const double truth = values[static_cast<std::size_t>(share * static_cast<double>(values.size())) - 1];
    EXPECT_NEAR(quantile(buckets, share), truth, truth * 0.1) << share;
  }
}

TEST(Exposition, AHistogramHas238LinesAndTwentyKilobytesAtMost) {
  const auto histogram = std::make_unique<Histogram>();
  histogram->record(std::chrono::seconds{1});
  const std::array<const Histogram*, 1> all{histogram.get()};
  Exposition text;
  text.histogram_family("picket_agent_latency_seconds", "Latency.");
  const std::array<Label, 2> labels{{{"agent", "waf"}, {"type", "waf"}}};
  text.sample(labels, std::span<const Histogram* const>{all});
  const std::string page = std::move(text).take();
  EXPECT_EQ(std::ranges::count(page, '\n'), 2 + 238);
  EXPECT_LT(page.size(), 20U * 1024);
}

}  // namespace
}  // namespace picket::metrics
