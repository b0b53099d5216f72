#include "picket/log/repeat_limit.hpp"

#include <gtest/gtest.h>

namespace picket::log {
namespace {

using std::chrono::seconds;

constexpr base::TimePoint start{};

TEST(RepeatLimit, TheFirstLinesOfAKindAreWrittenAndTheOthersCounted) {
  RepeatLimit limit;
  for (std::uint64_t i = 0; i < RepeatLimit::burst; ++i) EXPECT_TRUE(limit.admits(3, "says it is degraded", start));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(limit.admits(3, "says it is degraded", start + seconds{1}));
  EXPECT_TRUE(limit.take_due(start + seconds{9}).empty());
  const auto due = limit.take_due(start + RepeatLimit::window);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].text, "says it is degraded");
  EXPECT_EQ(due[0].level, 3);
  EXPECT_EQ(due[0].count, 5U);
  EXPECT_TRUE(limit.empty());
  EXPECT_TRUE(limit.admits(3, "says it is degraded", start + RepeatLimit::window));
}

TEST(RepeatLimit, AKindThatKeptToItsShareIsNotSpokenOf) {
  RepeatLimit limit;
  EXPECT_TRUE(limit.admits(3, "once", start));
  EXPECT_TRUE(limit.take_due(start + RepeatLimit::window).empty());
  EXPECT_TRUE(limit.empty());
}

TEST(RepeatLimit, AKindEndsAtTheFirstBracketOrDoubleQuote) {
  EXPECT_EQ(kind_of("agent 'a': lost (worker 0)"), kind_of("agent 'a': lost (worker 1): other words"));
  EXPECT_EQ(kind_of("asks (request 'x)y('), again"), "asks ");
  EXPECT_EQ(kind_of("said [words]"), "said ");
  EXPECT_EQ(kind_of("agent \"a\" refused"), "agent ");
  EXPECT_EQ(kind_of("a ) b ] c"), "a ) b ] c");
  EXPECT_EQ(kind_of(""), "");
  EXPECT_NE(kind_of("agent 'a': lost (worker 0)"), kind_of("agent 'b': lost (worker 0)"));
  EXPECT_NE(kind_of("upstream 127.0.0.1:80: refused (request x)"), kind_of("upstream 127.0.0.1:81: refused"));
}

TEST(RepeatLimit, KindsOfAPeersChoosingAreBounded) {
  RepeatLimit limit;
  std::uint64_t written = 0;
  for (int i = 0; i < 10'000; ++i) written += limit.admits(3, "kind " + std::to_string(i), start) ? 1U : 0U;
  EXPECT_EQ(written, RepeatLimit::max_kinds + RepeatLimit::burst);
}

}  // namespace
}  // namespace picket::log
