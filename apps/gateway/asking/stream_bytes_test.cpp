#include "apps/gateway/asking/stream_bytes.hpp"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace picket::apps::gateway::asking {
namespace {

class StreamBytesTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string read() {
    const std::size_t size = bytes_.read(space_);
    return {space_.data(), size};
  }

  base::BlockPool pool_;
  StreamBytes bytes_{pool_};
  std::array<char, 4> space_{};
};

TEST_F(StreamBytesTest, WhatNobodyWaitsForIsKeptInItsOrder) {
  ASSERT_TRUE(bytes_.take("abc"));
  ASSERT_TRUE(bytes_.take("def"));
  EXPECT_EQ(bytes_.size(), 6U);
  EXPECT_EQ(pool_.held(), 6U);
  EXPECT_EQ(read(), "abcd");
  EXPECT_EQ(read(), "ef");
  EXPECT_EQ(read(), "");
  EXPECT_EQ(pool_.held(), 0U);
}

TEST_F(StreamBytesTest, WhatIsAwaitedStandsWhereItIsWantedBeforeItIsRead) {
  bytes_.await(space_);
  ASSERT_TRUE(bytes_.take("ab"));
  EXPECT_EQ(std::string(space_.data(), 2), "ab");
  EXPECT_EQ(bytes_.size(), 2U);
  EXPECT_EQ(pool_.held(), 2U);
  EXPECT_EQ(read(), "ab");
  EXPECT_TRUE(bytes_.empty());
  EXPECT_EQ(pool_.held(), 0U);
}

TEST_F(StreamBytesTest, WhatDoesNotFitIsReadNext) {
  bytes_.await(space_);
  ASSERT_TRUE(bytes_.take("abc"));
  ASSERT_TRUE(bytes_.take("defg"));
  ASSERT_TRUE(bytes_.take("h"));
  EXPECT_EQ(read(), "abcd");
  EXPECT_EQ(read(), "efgh");
  EXPECT_EQ(pool_.held(), 0U);
}

TEST_F(StreamBytesTest, OnceReadTheMemoryIsTouchedNoMore) {
  bytes_.await(space_);
  ASSERT_TRUE(bytes_.take("ab"));
  EXPECT_EQ(read(), "ab");
  space_ = {'_', '_', '_', '_'};
  ASSERT_TRUE(bytes_.take("cd"));
  EXPECT_EQ(std::string(space_.data(), space_.size()), "____");
  EXPECT_EQ(read(), "cd");
}

TEST_F(StreamBytesTest, WhatIsNoLongerAwaitedIsReadByTheNext) {
  bytes_.await(space_);
  ASSERT_TRUE(bytes_.take("abcdef"));
  bytes_.await_no_more();
  space_ = {'_', '_', '_', '_'};
  ASSERT_TRUE(bytes_.take("g"));
  EXPECT_EQ(bytes_.size(), 7U);
  EXPECT_EQ(read(), "abcd");
  EXPECT_EQ(read(), "efg");
  EXPECT_EQ(pool_.held(), 0U);
}

TEST_F(StreamBytesTest, AWaitThatBroughtNothingLeavesNothing) {
  bytes_.await(space_);
  bytes_.await_no_more();
  ASSERT_TRUE(bytes_.take("a"));
  EXPECT_EQ(space_.front(), '\0');
  EXPECT_EQ(read(), "a");
}

TEST_F(StreamBytesTest, ReadAllIsAllOfIt) {
  ASSERT_TRUE(bytes_.take("abcdef"));
  EXPECT_EQ(base::as_text(bytes_.read_all()), "abcdef");
  EXPECT_TRUE(bytes_.empty());
  EXPECT_EQ(pool_.held(), 0U);
}

TEST_F(StreamBytesTest, WhatIsDroppedIsNoLongerHeld) {
  bytes_.await(space_);
  ASSERT_TRUE(bytes_.take("abcdef"));
  EXPECT_EQ(bytes_.drop(), 6U);
  EXPECT_TRUE(bytes_.empty());
  EXPECT_EQ(pool_.held(), 0U);
}

TEST_F(StreamBytesTest, OverTheBudgetNothingIsTaken) {
  pool_.set_budget(3);
  bytes_.await(space_);
  ASSERT_TRUE(bytes_.take("ab"));
  EXPECT_FALSE(bytes_.take("cd"));
  EXPECT_EQ(read(), "ab");
}

}  // namespace
}  // namespace picket::apps::gateway::asking
