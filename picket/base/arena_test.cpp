#include "picket/base/arena.hpp"

#include <algorithm>
#include <numeric>
#include <string>

#include <gtest/gtest.h>

namespace picket::base {
namespace {

TEST(Arena, AllocationsAreAlignedAndDisjoint) {
  Arena arena{64};
  auto* const byte = static_cast<char*>(arena.allocate(1, 1));
  auto* const number = static_cast<std::uint64_t*>(arena.allocate(8, 8));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(number) % 8, 0U);
  *byte = 'x';
  *number = ~std::uint64_t{0};
  EXPECT_EQ(*byte, 'x');
}

TEST(Arena, CopiesTextsOfEveryLength) {
  std::string text(100, '\0');
  std::iota(text.begin(), text.end(), '\1');
  for (std::size_t size = 0; size <= text.size(); ++size) {
    Arena arena{1024};
    const auto before = arena.copy(std::string_view{"before"});
    const auto copy = arena.copy(std::string_view{text}.substr(0, size));
    EXPECT_EQ(copy, text.substr(0, size));
    EXPECT_EQ(before, "before");
  }
}

TEST(Arena, ResetKeepsTheFirstBlockOnly) {
  Arena arena{1024};
  (void)arena.allocate(100, 1);
  const std::size_t first = arena.reserved();
  (void)arena.allocate(10'000, 1);
  EXPECT_GT(arena.reserved(), first);
  arena.reset();
  EXPECT_EQ(arena.reserved(), first);
}

TEST(Arena, ResetKeepsABlockThatHoldsTheUsualUse) {
  Arena arena{1024, 64 * 1024};
  for (int i = 0; i < 8; ++i) {
    arena.reset();
    for (int j = 0; j < 100; ++j) (void)arena.allocate(200, 1);
  }
  arena.reset();
  const std::size_t settled = arena.reserved();
  for (int j = 0; j < 100; ++j) (void)arena.allocate(200, 1);
  EXPECT_EQ(arena.reserved(), settled);
}

TEST(Arena, ResetKeepsNoBlockThatIsLargerThanMayBeKept) {
  Arena arena{1024, 64 * 1024};
  (void)arena.allocate(100, 1);
  (void)arena.allocate(1'000'000, 1);
  arena.reset();
  EXPECT_LE(arena.reserved(), 64U * 1024);
}

TEST(Arena, ResetKeepsNoSoleBlockThatIsLargerThanMayBeKept) {
  for (const std::size_t keep : {std::size_t{0}, std::size_t{64 * 1024}}) {
    Arena arena{1024, keep};
    (void)arena.allocate(1'000'000, 1);
    arena.reset();
    EXPECT_LE(arena.reserved(), std::max<std::size_t>(1024, keep));
    (void)arena.allocate(100, 1);
    EXPECT_EQ(arena.reserved(), 1024U) << "the next use begins small again";
    arena.reset();
    EXPECT_EQ(arena.reserved(), 1024U);
  }
}

TEST(Arena, TrimGivesEverythingBack) {
  Arena arena{1024, 64 * 1024};
  (void)arena.allocate(30'000, 1);
  arena.trim();
  EXPECT_EQ(arena.reserved(), 0U);
  (void)arena.allocate(10, 1);
  EXPECT_EQ(arena.reserved(), 1024U);
}

TEST(Arena, NothingIsReservedBeforeTheFirstUse) { EXPECT_EQ(Arena{4096}.reserved(), 0U); }

TEST(Arena, CopiesOutliveTheirOriginal) {
  Arena arena;
  std::string original = "text that goes away";
  const auto copy = arena.copy(original);
  original.assign(original.size(), '-');
  EXPECT_EQ(copy, "text that goes away");
}

TEST(Arena, MoveTakesTheContentAlong) {
  Arena arena;
  const auto copy = arena.copy("kept");
  const Arena moved = std::move(arena);
  EXPECT_EQ(copy, "kept");
  EXPECT_GT(moved.reserved(), 0U);
}

TEST(ArenaList, GrowsAndKeepsItsItems) {
  Arena arena{32};
  ArenaList<int> list{arena};
  for (int i = 0; i < 1000; ++i) list.push_back(i);
  ASSERT_EQ(list.size(), 1000U);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(list.items()[static_cast<std::size_t>(i)], i);
}

}  // namespace
}  // namespace picket::base
