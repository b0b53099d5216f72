#include "picket/body/intake.hpp"

#include <cstring>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace picket::body {
namespace {

base::SharedBytes read(Intake& intake, std::size_t size, char byte) {
  const auto space = intake.space(size);
  std::memset(space.data(), byte, space.size());
  return intake.commit(space.size());
}

TEST(Intake, BlocksAreUsedToTheirEnd) {
  base::BlockPool pool;
  Intake intake{pool};
  base::SharedBytes first = read(intake, base::block_size - 1, 'a');
  EXPECT_EQ(intake.space().size(), 1U);
  EXPECT_TRUE(first.extend(read(intake, 1, 'b')));
  const base::SharedBytes second = read(intake, 2, 'c');
  EXPECT_EQ(base::as_text(first.view()), std::string(base::block_size - 1, 'a') + "b");
  EXPECT_EQ(base::as_text(second.view()), "cc");
}

TEST(Intake, ABlockOfWhichNobodyHasAnythingIsUsedAgain) {
  base::BlockPool pool;
  Intake intake{pool};
  const char* const memory = intake.space().data();
  std::optional<base::SharedBytes> bytes{read(intake, 100, 'a')};
  EXPECT_EQ(intake.space().data(), memory + 100);
  bytes.reset();
  EXPECT_EQ(intake.space().data(), memory);
  EXPECT_EQ(intake.space().size(), base::block_size);
}

TEST(Intake, WhatIsCountedIsCountedNoMoreOnceItsBlockIsUsedAgain) {
  base::BlockPool pool;
  pool.set_budget(5000);
  Intake intake{pool};
  for (int i = 0; i < 10; ++i) {
    const base::SharedBytes bytes = read(intake, 4000, 'a');
    ASSERT_TRUE(bytes.block().count(bytes.size())) << i;
  }
}

TEST(Intake, HoldingABodyCostsAPageWhateverItsSize) {
  base::BlockPool pool;
  pool.set_budget(5000);
  Intake intake{pool};
  ASSERT_TRUE(intake.reserve());
  EXPECT_EQ(pool.held(), 4096U);
  const base::SharedBytes bytes = read(intake, 900, 'a');
  EXPECT_TRUE(bytes.block().count(900));
  EXPECT_FALSE(bytes.block().count(100)) << "over the budget";
  EXPECT_EQ(pool.held(), 4996U);
  intake.clear();
  EXPECT_EQ(pool.held(), 4996U) << "the bytes are still there";
}

}  // namespace
}  // namespace picket::body
