#include "apps/guard/words.hpp"

#include <gtest/gtest.h>

namespace picket::apps::guard {
namespace {

TEST(Words, AreRunsWithWhatStandsBetweenThem) {
  const auto words = words_of(
      "ab1 22-33.x \xc2\xa0"
      "4\xe2\x80\x93"
      "5\xc2\xa0"
      "6");
  std::string joints;
  for (const Word& word : words) joints += word.joint == 0 ? '0' : word.joint;
  EXPECT_EQ(joints, "0 -.0- ");
  EXPECT_FALSE(words[0].is_number);
  EXPECT_TRUE(words[1].is_number);
  EXPECT_EQ(words[1].begin, 4U);
  EXPECT_EQ(words[1].size(), 2U);
  EXPECT_TRUE(words_of("").empty());
  EXPECT_TRUE(words_of(" -\xff ").empty());
}

TEST(Words, AreNearWhereASmallGapIsInBetween) {
  std::string near;
  for (const Word& word : words_of("1 2  3, 4 - 5** **6\r\n7\u00b78; 9 - -10       11x 12ab"))
    near += word.is_near ? '1' : '0';
  EXPECT_EQ(near, "011111110001");
  EXPECT_EQ(gap_at("a, b", 1), 2U);
  EXPECT_EQ(gap_at("a", 1), 0U);
  EXPECT_EQ(gap_at("a - - b", 1), 0U);
}

TEST(Words, AreAnnouncedByAWordBeforeInAnyCase) {
  const std::string_view text = "Her BSN is 111222333, and so on and on";
  EXPECT_TRUE(is_announced(text, 11, "tel|bsn"));
  EXPECT_FALSE(is_announced(text, 11, "tel|fax"));
  EXPECT_FALSE(is_announced(text, 11, "bsn", 4));
  EXPECT_FALSE(is_announced(text, 11, ""));
}

}  // namespace
}  // namespace picket::apps::guard
