#include "picket/metrics/name.hpp"

#include <string>

#include <gtest/gtest.h>

namespace picket::metrics {
namespace {

TEST(Names, LettersDigitsUnderscoresAndColonsNameAMetric) {
  for (const auto* const name : {"a", "denylist_blocked_total", "job:rate5m", "_a", "A9"})
    EXPECT_TRUE(is_metric_name(name)) << name;
}

TEST(Names, WhatWouldEndALineOrBeginAnotherNamesNoMetric) {
  for (const auto* const name : {"", "9a", "a b", "a\nb", "a{b", "a\"", "a-b", "\xC3\xA4"})
    EXPECT_FALSE(is_metric_name(name)) << name;
  EXPECT_FALSE(is_metric_name(std::string(longest_name + 1, 'a')));
  EXPECT_TRUE(is_metric_name(std::string(longest_name, 'a')));
}

TEST(Names, ALabelHasNoColonAndIsNotPrometheusOwn) {
  EXPECT_TRUE(is_label_name("rule"));
  EXPECT_TRUE(is_label_name("_rule"));
  for (const auto* const name : {"", "a:b", "__name__", "le le", "1"}) EXPECT_FALSE(is_label_name(name)) << name;
}

}  // namespace
}  // namespace picket::metrics
