#include "apps/gateway/process/spare_memory.hpp"

#include <gtest/gtest.h>

namespace picket::apps::gateway::process {
namespace {

using namespace std::chrono_literals;

TEST(SpareMemory, IsGivenBackOnceManyClientsHaveGivenItBack) {
  SpareMemory spare;
  const base::TimePoint now{1h};
  EXPECT_FALSE(spare.is_due(SpareMemory::clients - 1, now));
  EXPECT_TRUE(spare.is_due(SpareMemory::clients, now));
}

TEST(SpareMemory, IsNotGivenBackAgainBeforeOthersHaveAndAPauseIsOver) {
  SpareMemory spare;
  const base::TimePoint now{1h};
  ASSERT_TRUE(spare.is_due(SpareMemory::clients, now));
  EXPECT_FALSE(spare.is_due(SpareMemory::clients + 1, now + SpareMemory::pause)) << "one client is not many";
  EXPECT_FALSE(spare.is_due(5 * SpareMemory::clients, now + 1s)) << "too early";
  EXPECT_TRUE(spare.is_due(5 * SpareMemory::clients, now + SpareMemory::pause));
}

TEST(SpareMemory, ACountThatGoesBackIsNotMany) {
  SpareMemory spare;
  const base::TimePoint now{1h};
  ASSERT_TRUE(spare.is_due(SpareMemory::clients, now));
  EXPECT_FALSE(spare.is_due(SpareMemory::clients - 1, now + SpareMemory::pause));
  EXPECT_TRUE(spare.is_due(2 * SpareMemory::clients, now + SpareMemory::pause));
}

}  // namespace
}  // namespace picket::apps::gateway::process
