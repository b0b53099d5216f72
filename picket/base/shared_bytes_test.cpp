#include "picket/base/shared_bytes.hpp"

#include <array>
#include <cstring>
#include <optional>

#include <gtest/gtest.h>

namespace picket::base {
namespace {

SharedBytes in_block(const Block& block, std::size_t at, std::string_view text) {
  std::memcpy(block.bytes().data() + at, text.data(), text.size());
  return {block, as_bytes({block.bytes().data() + at, text.size()})};
}

TEST(SharedBytes, KeepTheirBlock) {
  BlockPool pool;
  pool.set_budget(10);
  std::optional<Block> block{pool.take()};
  ASSERT_TRUE(block->count(3));
  {
    const SharedBytes bytes = in_block(*block, 0, "abc");
    const SharedBytes copy = bytes;
    block.reset();
    EXPECT_EQ(as_text(copy.view()), "abc");
    EXPECT_EQ(copy.view().data(), bytes.view().data()) << "no byte was copied";
    EXPECT_EQ(pool.held(), 3U);
  }
  EXPECT_EQ(pool.held(), 0U);
}

TEST(SharedBytes, ASplitLeavesTheRest) {
  BlockPool pool;
  const Block block = pool.take();
  SharedBytes rest = in_block(block, 0, "abcdef");
  EXPECT_EQ(as_text(rest.split_front(2).view()), "ab");
  EXPECT_EQ(as_text(rest.view()), "cdef");
  EXPECT_EQ(as_text(rest.split_front(9).view()), "cdef");
  EXPECT_TRUE(rest.empty());
  EXPECT_TRUE(block.is_only_share()) << "what is empty keeps nothing";
}

TEST(SharedBytes, GrowOnlyByWhatLiesBehindThemInTheirBlock) {
  BlockPool pool;
  const Block block = pool.take();
  const Block other = pool.take();
  SharedBytes bytes = in_block(block, 0, "ab");
  EXPECT_TRUE(bytes.extend(in_block(block, 2, "cd")));
  EXPECT_EQ(as_text(bytes.view()), "abcd");
  EXPECT_FALSE(bytes.extend(in_block(block, 5, "x")));
  EXPECT_FALSE(bytes.extend(in_block(other, 4, "x")));
  constexpr std::string_view text = "abcd";
  SharedBytes borrowed = SharedBytes::borrowed(as_bytes(text.substr(0, 2)));
  EXPECT_FALSE(borrowed.extend(SharedBytes::borrowed(as_bytes(text.substr(2))))) << "nobody says that it is one piece";
}

TEST(SharedBytes, SizesAddUp) {
  const std::array<SharedBytes, 3> pieces{SharedBytes::borrowed(as_bytes("abc")), SharedBytes{},
                                          SharedBytes::borrowed(as_bytes("de"))};
  EXPECT_EQ(size_of(pieces), 5U);
}

}  // namespace
}  // namespace picket::base
