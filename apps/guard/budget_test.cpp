#include "apps/guard/budget.hpp"

#include <gtest/gtest.h>

namespace picket::apps::guard {
namespace {

using std::chrono::seconds;

constexpr Budget::Time start{seconds{1'000'000}};
const std::string ann = Budget::name_of_key("ann");
const std::string bob = Budget::name_of_key("bob");

TEST(Budget, AKeyWaitsForTheEndOfItsPeriodOnceItHasSpentAll) {
  Budget budget{{.tokens = 100, .period = seconds{60}}};
  EXPECT_EQ(budget.wait_of(ann, start), seconds{0});
  budget.spend(ann, 99, start);
  EXPECT_EQ(budget.wait_of(ann, start + seconds{10}), seconds{0});
  budget.spend(ann, 1, start + seconds{10});
  EXPECT_EQ(budget.wait_of(ann, start + seconds{10}), seconds{50});
  EXPECT_EQ(budget.wait_of(bob, start + seconds{10}), seconds{0});
  EXPECT_EQ(budget.wait_of(ann, start + seconds{60}), seconds{0});
  budget.spend(ann, 1, start + seconds{60});
  EXPECT_EQ(budget.wait_of(ann, start + seconds{61}), seconds{0});
}

TEST(Budget, KeysBeyondTheTableShareOneBudgetAndPushNobodyOut) {
  Budget budget{{.tokens = 10, .period = seconds{60}, .most_keys = 1}};
  budget.spend(ann, 10, start);
  budget.spend(bob, 10, start);
  EXPECT_EQ(budget.keys(), 1U);
  EXPECT_GT(budget.wait_of(ann, start), seconds{0});
  EXPECT_GT(budget.wait_of(Budget::name_of_key("carol"), start), seconds{0});
  budget.spend(bob, 1, start + seconds{60});  // ann's period is over: there is room again
  EXPECT_EQ(budget.keys(), 1U);
  EXPECT_EQ(budget.wait_of(bob, start + seconds{60}), seconds{0});
}

TEST(Budget, WhoIsRefusedByAFullTableIsLetInOnceAPeriodInItIsOver) {
  Budget budget{{.tokens = 10, .period = seconds{60}, .most_keys = 1}};
  budget.spend(ann, 10, start);
  budget.spend(bob, 10, start + seconds{30});
  EXPECT_EQ(budget.wait_of(bob, start + seconds{59}), seconds{31});
  EXPECT_EQ(budget.wait_of(bob, start + seconds{60}), seconds{0});
  EXPECT_EQ(budget.keys(), 0U);
  budget.spend(bob, 10, start + seconds{61});
  EXPECT_EQ(budget.wait_of(bob, start + seconds{62}), seconds{59});
  EXPECT_EQ(budget.wait_of(ann, start + seconds{121}), seconds{0}) << "each time that it is full";
}

TEST(Budget, WhatIsWrittenIsReadAgainWithoutTheKeys) {
  const BudgetTerms terms{.tokens = 10, .period = seconds{60}};
  Budget budget{terms};
  budget.spend(ann, 10, start);
  const std::string text = budget.write(start);
  EXPECT_EQ(text.find("ann"), std::string::npos);
  Budget again{terms};
  ASSERT_TRUE(again.read(text, start + seconds{5}));
  EXPECT_EQ(again.wait_of(ann, start + seconds{5}), seconds{55});
  Budget later{terms};
  ASSERT_TRUE(later.read(text, start + seconds{60}));
  EXPECT_EQ(later.keys(), 0U);
}

TEST(Budget, AFileWhoseClockWasWrongBarsNobodyForLongerThanAPeriod) {
  const std::string head = "picket-guard budget 1\n";
  for (const char* begin : {"1000500", "9223372036854775807"}) {
    Budget budget{{.tokens = 10, .period = seconds{60}}};
    ASSERT_TRUE(budget.read(head + std::string(64, 'a') + " " + begin + " 10\nshared " + begin + " 10\n", start));
    const std::string key(32, '\xaa');
    EXPECT_EQ(budget.wait_of(key, start), seconds{60}) << begin;
  }
  Budget budget{{.tokens = 10, .period = seconds{60}}};
  EXPECT_TRUE(budget.read(head + "shared -9223372036854775808 10\n", start));
}

TEST(Budget, AClockThatIsSetBackBarsNobodyForLongerThanAPeriod) {
  constexpr seconds wrong{8'640'000};
  Budget budget{{.tokens = 10, .period = seconds{60}, .most_keys = 1}};
  budget.spend(ann, 10, start + wrong);
  budget.spend(bob, 10, start + wrong);  // the shared one
  EXPECT_EQ(budget.wait_of(ann, start), seconds{60});
  EXPECT_EQ(budget.wait_of(bob, start), seconds{60});
  EXPECT_EQ(budget.wait_of(ann, start + seconds{45}), seconds{15});
  EXPECT_EQ(budget.wait_of(bob, start + seconds{45}), seconds{15});
  EXPECT_EQ(budget.wait_of(bob, start + seconds{60}), seconds{0});
  EXPECT_EQ(budget.keys(), 0U) << "a full table is searched";
}

TEST(Budget, WhatIsSpentAfterAClockWasSetBackIsOfAPeriodThatBeginsThen) {
  Budget budget{{.tokens = 10, .period = seconds{60}}};
  budget.spend(ann, 5, start + seconds{1000});
  budget.spend(ann, 5, start);
  EXPECT_EQ(budget.wait_of(ann, start + seconds{1}), seconds{59});
  EXPECT_EQ(budget.wait_of(ann, start + seconds{60}), seconds{0});
}

TEST(Budget, ATextThatIsNoneIsRefusedWithItsLine) {
  Budget budget{{.tokens = 1}};
  const std::string head = "picket-guard budget 1\n";
  for (const std::string& text : {std::string{}, std::string{"x"}, head + "shared 1", head + "shared 1 x\n",
                                  head + "abc 1 2\n", head + std::string(64, 'g') + " 1 2\n"})
    EXPECT_FALSE(budget.read(text, start)) << text;
  EXPECT_NE(budget.read(head + "shared 1 2\nbad\n", start).error().detail().find("line 3"), std::string::npos);
}

}  // namespace
}  // namespace picket::apps::guard
