#include "apps/gateway/body/block_pool.hpp"

#include <cstring>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace picket::apps::gateway::body {
namespace {

/// Pages of the process that are in memory.
long resident() {
  long size = 0;
  long pages = 0;
  FILE* const file = std::fopen("/proc/self/statm", "r");
  EXPECT_EQ(std::fscanf(file, "%ld %ld", &size, &pages), 2);
  std::fclose(file);
  return pages;
}

TEST(BlockPool, ABlockIsUsedAgain) {
  BlockPool pool;
  char* const first = pool.take().get();
  EXPECT_EQ(pool.take().get(), first);
}

TEST(BlockPool, MemoryGoesBackToTheSystemAfterABurst) {
  BlockPool pool;
  const long before = resident();
  {
    std::vector<BlockPool::Block> burst;
    for (int i = 0; i < 1024; ++i) {
      burst.push_back(pool.take());
      std::memset(burst.back().get(), 1, block_size);
    }
    EXPECT_GT(resident() - before, 1024 * 15);
  }
  EXPECT_LT(resident() - before, 1024 * 4);  // what is kept, and what a sanitizer notes
}

TEST(BlockPool, TheBudgetHoldsUntilSomethingIsReleased) {
  BlockPool pool;
  pool.set_budget(100);
  EXPECT_TRUE(pool.hold(60));
  EXPECT_FALSE(pool.hold(41));
  EXPECT_TRUE(pool.hold(40));
  pool.release(60);
  EXPECT_TRUE(pool.hold(60));
}

TEST(BlockPool, ALoweredBudgetRefusesUntilEnoughIsReleased) {
  BlockPool pool;
  pool.set_budget(100);
  EXPECT_TRUE(pool.hold(80));
  pool.set_budget(50);
  EXPECT_FALSE(pool.hold(1));
  pool.release(40);
  EXPECT_TRUE(pool.hold(10));
}

}  // namespace
}  // namespace picket::apps::gateway::body
