#include "picket/http2/frame_budget.hpp"

#include <gtest/gtest.h>

namespace picket::http2 {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t most = 400;
constexpr base::TimePoint start{100s};

void send(FrameBudget& budget, Excess kind, std::size_t frames) {
  for (std::size_t i = 0; i < frames; ++i) budget.count_idle(kind);
}

TEST(FrameBudget, TheOneThatIsTooManySaysOfWhat) {
  FrameBudget budget{most};
  send(budget, Excess::pings, most - 1);
  EXPECT_FALSE(budget.excess());
  send(budget, Excess::settings, 1);
  EXPECT_EQ(budget.excess(), Excess::settings);
  send(budget, Excess::pings, 1);
  EXPECT_EQ(budget.excess(), Excess::settings) << "the first";
}

TEST(FrameBudget, WorkPaysBackAndNoMoreThanThereWas) {
  FrameBudget budget{most};
  send(budget, Excess::pings, most - 1);
  budget.count_useful(10 * most);
  send(budget, Excess::pings, most - 1);
  EXPECT_FALSE(budget.excess());
  send(budget, Excess::pings, 1);
  EXPECT_TRUE(budget.excess());
}

TEST(FrameBudget, TimePaysBackAllOfItInTenSeconds) {
  FrameBudget budget{most};
  budget.forgive(start);
  send(budget, Excess::pings, most - 1);
  budget.forgive(start + 5s);
  send(budget, Excess::pings, most / 2);
  EXPECT_FALSE(budget.excess());
  send(budget, Excess::pings, 1);
  EXPECT_TRUE(budget.excess());
}

TEST(FrameBudget, TimeThatIsTooShortForOneIsNotLost) {
  FrameBudget budget{most};
  budget.forgive(start);
  send(budget, Excess::pings, most - 1);
  for (int i = 1; i <= 1'000; ++i) budget.forgive(start + i * 10ms);
  send(budget, Excess::pings, most - 1);
  EXPECT_FALSE(budget.excess());
}

TEST(FrameBudget, WhatIsDueDoesNotCount) {
  FrameBudget budget{most};
  budget.expect(10 * most);
  for (std::uint32_t i = 0; i < 10 * most; ++i) budget.count_expected(Excess::window_updates);
  EXPECT_FALSE(budget.excess());
  for (std::uint32_t i = 0; i < most; ++i) budget.count_expected(Excess::window_updates);
  EXPECT_EQ(budget.excess(), Excess::window_updates);
}

TEST(FrameBudget, AHeadOverTheLimitIsTen) {
  FrameBudget budget{most};
  for (std::uint32_t i = 1; i < most / 10; ++i) budget.count_oversized();
  EXPECT_FALSE(budget.excess());
  budget.count_oversized();
  EXPECT_EQ(budget.excess(), Excess::header_blocks);
}

TEST(FrameBudget, WhatSomebodyElseFoundIsKeptUnlessThereWasAnother) {
  FrameBudget budget{most};
  budget.exceed(std::nullopt);
  EXPECT_FALSE(budget.excess());
  budget.exceed(Excess::settings);
  budget.exceed(Excess::pings);
  EXPECT_EQ(budget.excess(), Excess::settings);
}

}  // namespace
}  // namespace picket::http2
