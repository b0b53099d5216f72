#include "picket/base/block_pool.hpp"

#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace picket::base {
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
  char* const first = pool.take().bytes().data();
  EXPECT_EQ(pool.take().bytes().data(), first);
}

TEST(BlockPool, ABlockIsUsedAgainOnceItsLastShareIsGone) {
  BlockPool pool;
  std::optional<Block> first{pool.take()};
  std::optional<Block> second{*first};
  char* const memory = first->bytes().data();
  EXPECT_FALSE(first->is_only_share());
  first.reset();
  EXPECT_TRUE(second->is_only_share());
  EXPECT_NE(pool.take().bytes().data(), memory);
  second.reset();
  EXPECT_EQ(pool.take().bytes().data(), memory);
}

TEST(BlockPool, ALargeBlockIsOnePiece) {
  BlockPool pool;
  const Block block = pool.take(3 * block_size + 1);
  ASSERT_EQ(block.bytes().size(), 3 * block_size + 1);
  std::memset(block.bytes().data(), 1, block.bytes().size());
}

TEST(BlockPool, MemoryGoesBackToTheSystemAfterABurst) {
  BlockPool pool;
  const long before = resident();
  {
    std::vector<Block> burst;
    for (int i = 0; i < 1024; ++i) {
      burst.push_back(pool.take());
      std::memset(burst.back().bytes().data(), 1, block_size);
    }
    EXPECT_GT(resident() - before, 1024 * 15);
  }
  EXPECT_LT(resident() - before, 1024 * 4);  // what is kept, and what a sanitizer notes
}

TEST(BlockPool, WhoSaysNothingOfABudgetHoldsALimitedAmountAndNotNothing) {
  BlockPool pool;
  const Block block = pool.take();
  EXPECT_TRUE(block.count(BlockPool::default_budget));
  EXPECT_FALSE(block.count(1));
}

TEST(BlockPool, TheBudgetHoldsUntilABlockGoesBack) {
  BlockPool pool;
  pool.set_budget(100);
  std::optional<Block> first{pool.take()};
  const Block second = pool.take();
  EXPECT_TRUE(first->count(60));
  EXPECT_FALSE(second.count(41));
  EXPECT_TRUE(second.count(40));
  EXPECT_EQ(pool.held(), 100U);
  std::optional<Block> share{*first};
  first.reset();
  EXPECT_EQ(pool.held(), 100U) << "somebody still has it";
  share.reset();
  EXPECT_EQ(pool.held(), 40U);
  EXPECT_TRUE(second.count(60));
}

TEST(BlockPool, ALoweredBudgetRefusesUntilEnoughGoesBack) {
  BlockPool pool;
  pool.set_budget(100);
  std::optional<Block> first{pool.take()};
  const Block second = pool.take();
  EXPECT_TRUE(first->count(40));
  EXPECT_TRUE(second.count(40));
  pool.set_budget(50);
  EXPECT_FALSE(second.count(1));
  first.reset();
  EXPECT_TRUE(second.count(10));
}

}  // namespace
}  // namespace picket::base
