#include "apps/gateway/upstream/retry_budget.hpp"

#include <gtest/gtest.h>

namespace picket::apps::gateway::upstream {
namespace {

int take_all(RetryBudget& budget) {
  int count = 0;
  while (budget.take()) ++count;
  return count;
}

TEST(RetryBudget, HasTenAtOnceAndOneForEachFiveRequests) {
  RetryBudget budget;
  EXPECT_EQ(take_all(budget), 10);
  for (int i = 0; i < 14; ++i) budget.asked();
  EXPECT_EQ(take_all(budget), 2);
}

TEST(RetryBudget, SavesNoMoreThanTen) {
  RetryBudget budget;
  for (int i = 0; i < 1000; ++i) budget.asked();
  EXPECT_EQ(take_all(budget), 10);
}

}  // namespace
}  // namespace picket::apps::gateway::upstream
