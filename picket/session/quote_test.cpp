#include "picket/session/quote.hpp"

#include <string>

#include <gtest/gtest.h>

namespace picket::session {
namespace {

TEST(Quote, WordsOfAPeerEndNoLineAndMoveNoCursor) {
  EXPECT_EQ(printable("wrong tenant"), "wrong tenant");
  EXPECT_EQ(printable("a\r\nERROR forged\x1b[2J\x7f"), "a\\x0d\\x0aERROR forged\\x1b[2J\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b") << "a control character, too";
}

TEST(Quote, WhatIsTooLongIsCutAndSaysHowLongItWas) {
  EXPECT_EQ(printable(std::string(300, 'x'), 4), "xxxx... (300 bytes)");
  EXPECT_EQ(printable("xxxx", 4), "xxxx");
  EXPECT_EQ(printable(std::string(300, '\0'), 11), "\\x00\\x00... (300 bytes)") << "what is written counts";
  EXPECT_EQ(printable("\n\n", 8), "\\x0a\\x0a");
}

TEST(Quote, MessagesStandInBrackets) { EXPECT_EQ(quoted(R"({"accepted":false})"), R"([{"accepted":false}])"); }

}  // namespace
}  // namespace picket::session
