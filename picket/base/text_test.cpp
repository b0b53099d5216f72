#include "picket/base/text.hpp"

#include <gtest/gtest.h>

namespace picket::base {
namespace {

TEST(Text, TrimmingLeavesWhatIsInside) {
  EXPECT_EQ(trimmed(" \ta b\t "), "a b");
  EXPECT_EQ(trimmed(" \t"), "");
  EXPECT_EQ(trimmed(""), "");
  EXPECT_EQ(trimmed("a\n"), "a\n");
}

TEST(Text, OnlyLettersOfAsciiBecomeLowerCase) { EXPECT_EQ(lowered("AbZ[1]Ä"), "abz[1]Ä"); }

}  // namespace
}  // namespace picket::base
