#include "picket/metrics/exposition.hpp"

#include <array>
#include <memory>

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

TEST(Exposition, HistogramSumsItsWorkersAndEndsWithInfinity) {
  auto one = std::make_unique<Histogram>();
  auto two = std::make_unique<Histogram>();
  one->record(std::chrono::microseconds{3});
  two->record(std::chrono::seconds{1});
  const std::array<const Histogram*, 2> both{one.get(), two.get()};
  Exposition text;
  text.histogram_family("h_seconds", "Latency.");
  text.sample({}, std::span<const Histogram* const>{both});
  const std::string out = std::move(text).take();
  EXPECT_NE(out.find("h_seconds_bucket{le=\"1e-06\"} 0\n"), std::string::npos) << out;
  EXPECT_NE(out.find("h_seconds_bucket{le=\"4e-06\"} 1\n"), std::string::npos) << out;
  EXPECT_NE(out.find("h_seconds_bucket{le=\"+Inf\"} 2\n"), std::string::npos) << out;
  EXPECT_NE(out.find("h_seconds_sum 1.000003\n"), std::string::npos) << out;
  EXPECT_NE(out.find("h_seconds_count 2\n"), std::string::npos) << out;
}

}  // namespace
}  // namespace picket::metrics
