#include "picket/pool/answer_memory.hpp"

#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace picket::pool {
namespace {

TEST(AnswerMemory, WhatWasGivenBackIsTakenAgain) {
  AnswerMemory memory;
  base::Arena first = memory.take();
  void* const place = first.allocate(64, 8);
  memory.give_back(std::move(first));
  base::Arena again = memory.take();
  EXPECT_EQ(again.allocate(64, 8), place);
}

TEST(AnswerMemory, MoreThanAreKeptComeAndGo) {
  AnswerMemory memory;
  std::vector<base::Arena> out;
  for (std::size_t i = 0; i < AnswerMemory::kept + 3; ++i) {
    out.push_back(memory.take());
    static_cast<void>(out.back().allocate(64, 8));
  }
  for (auto& arena : out) memory.give_back(std::move(arena));
  std::size_t with_memory = 0;
  for (std::size_t i = 0; i < out.size(); ++i) with_memory += memory.take().reserved() != 0 ? 1 : 0;
  EXPECT_EQ(with_memory, AnswerMemory::kept);
}

}  // namespace
}  // namespace picket::pool
