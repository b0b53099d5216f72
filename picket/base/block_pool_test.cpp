#include "picket/base/block_pool.hpp"

#include <cstring>
#include <optional>
#include <string_view>
#include <thread>

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

TEST(Loan, KeepsABlockUntilAnotherThreadHasReadIt) {
  BlockPool pool;
  pool.set_budget(100);
  std::optional<Block> block{pool.take()};
  ASSERT_TRUE(block->count(10));
  std::memcpy(block->bytes().data(), "lent", 4);
  std::optional<Loan> loan{*block};
  block.reset();
  EXPECT_EQ(pool.held(), 10U);
  std::string read;
  std::thread{[&] {
    read = std::string{loan->bytes().data(), 4};
    loan.reset();
  }}.join();
  EXPECT_EQ(read, "lent");
  const Block next = pool.take();
  EXPECT_EQ(pool.held(), 0U) << "it has come back";
}

TEST(Loan, OneOfABlockThatIsStillSharedIsOneShare) {
  BlockPool pool;
  const Block block = pool.take();
  {
    const Loan first{block};
    const Loan second{block};
  }
  EXPECT_FALSE(block.is_only_share());
  const Block other = pool.take();  // looks after what has come back
  EXPECT_TRUE(block.is_only_share());
}

/// For ThreadSanitizer, too.
TEST(Loan, ManyComeBackWhileOthersAreLent) {
  BlockPool pool;
  pool.set_budget(1 << 20);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::thread> readers;
    const Block shared = pool.take();
    ASSERT_TRUE(shared.count(1));
    for (int i = 0; i < 4; ++i) {
      std::vector<Loan> loans;
      for (int j = 0; j < 20; ++j) loans.emplace_back(j % 2 == 0 ? shared : pool.take());
      readers.emplace_back([loans = std::move(loans)]() mutable { loans.clear(); });
    }
    for (auto& reader : readers) reader.join();
  }
  const Block last = pool.take();
  EXPECT_EQ(pool.held(), 0U);
}

}  // namespace
}  // namespace picket::base
