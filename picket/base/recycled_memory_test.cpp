#include "picket/base/recycled_memory.hpp"

#include <cstring>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "picket/base/recycled_containers.hpp"

namespace picket::base {
namespace {

[[maybe_unused]] const bool are_pieces_kept = [] {
  RecycledMemory::keep_under_asan();
  return true;
}();

TEST(RecycledMemory, TheNextPieceOfItsSizeIsOneThatEnded) {
  RecycledMemory memory;
  void* const first = memory.take(200);
  memory.give(first, 200);
  void* const next = memory.take(250);  // both take 256
  EXPECT_EQ(next, first);
  memory.give(next, 250);
}

TEST(RecycledMemory, APieceOfAnotherSizeHasMemoryOfItsOwn) {
  RecycledMemory memory;
  void* const first = memory.take(200);
  memory.give(first, 200);
  void* const other = memory.take(257);
  EXPECT_NE(other, first);
  memory.give(other, 257);
}

TEST(RecycledMemory, PiecesInUseAreApart) {
  RecycledMemory memory;
  memory.give(memory.take(100), 100);
  void* const one = memory.take(100);
  void* const two = memory.take(100);
  EXPECT_NE(one, two);
  memory.give(one, 100);
  memory.give(two, 100);
}

TEST(RecycledMemory, EveryPieceIsAsLargeAsWasAsked) {
  RecycledMemory memory;
  std::vector<std::pair<void*, std::size_t>> pieces;
  for (std::size_t size = 1; size <= RecycledMemory::largest + 100; size += size < 300 ? 1 : 61)
    pieces.emplace_back(memory.take(size), size);
  for (const auto& [piece, size] : pieces) std::memset(piece, static_cast<int>(size % 251), size);
  for (const auto& [piece, size] : pieces) {
    const auto* const bytes = static_cast<const unsigned char*>(piece);
    ASSERT_EQ(bytes[0], size % 251);
    ASSERT_EQ(bytes[size - 1], size % 251);
    memory.give(piece, size);
  }
}

TEST(RecycledMemory, OfMorePiecesThanAreKeptTheFirstOnesAreUsedAgain) {
  RecycledMemory memory;
  for (const std::size_t size : {std::size_t{64}, RecycledMemory::fine, RecycledMemory::largest}) {
    const std::size_t kept = RecycledMemory::kept / size;
    std::vector<void*> pieces;
    for (std::size_t i = 0; i < kept + 10; ++i) pieces.push_back(memory.take(size));
    for (void* const piece : pieces) memory.give(piece, size);
    for (std::size_t i = kept; i != 0; --i) {
      void* const again = memory.take(size);
      EXPECT_EQ(again, pieces[i - 1]);
      pieces.push_back(again);
    }
    for (std::size_t i = 0; i < kept; ++i) memory.give(pieces[kept + 10 + i], size);
  }
}

TEST(RecycledMemory, APieceThatIsTooLargeToBeKeptComesFromTheSystem) {
  RecycledMemory memory;
  constexpr std::size_t size = RecycledMemory::largest + 1;
  void* const first = memory.take(size);
  void* const second = memory.take(size);
  EXPECT_NE(first, second);
  memory.give(first, size);
  memory.give(second, size);
}

TEST(RecycledContainers, AListTakesTheMemoryOfTheOneBefore) {
  RecycledVector<int> list(100);
  const int* const first = list.data();
  list = {};
  list.shrink_to_fit();
  list.resize(100);
  EXPECT_EQ(list.data(), first);
}

TEST(RecycledMemoryDeathTest, TheUseOfWhatHasEndedIsSeenByAddressSanitizer) {
#ifdef PICKET_UNDER_ASAN
  RecycledMemory memory;
  auto* const piece = static_cast<volatile char*>(memory.take(100));
  memory.give(const_cast<char*>(piece), 100);
  EXPECT_DEATH(piece[50] = 1, "use-after-poison");
#else
  GTEST_SKIP() << "this build has no AddressSanitizer";
#endif
}

TEST(RecycledMemoryDeathTest, WhatIsWrittenBehindTheEndIsSeenByAddressSanitizer) {
#ifdef PICKET_UNDER_ASAN
  RecycledMemory memory;
  auto* const piece = static_cast<volatile char*>(memory.take(100));
  EXPECT_DEATH(piece[100] = 1, "use-after-poison");
  memory.give(const_cast<char*>(piece), 100);
#else
  GTEST_SKIP() << "this build has no AddressSanitizer";
#endif
}

}  // namespace
}  // namespace picket::base
