#include "picket/guardrail/nested_text.hpp"

#include <gtest/gtest.h>

namespace picket::guardrail {
namespace {

std::string said_by(std::string_view text) {
  NestedText nested;
  base::RecycledString out;
  nested.decode(text, out);
  return std::string{out};
}

TEST(NestedText, SaysWhatItsEscapesStandFor) {
  EXPECT_EQ(said_by(R"({"a":"x\ny\t\"\\\/\b"})"), "{\"a\":\"x\ny\t\"\\/\b\"}");
  EXPECT_EQ(said_by(R"(4111\u0020\u0031111)"), "4111 1111");
  EXPECT_EQ(said_by(R"(\u00e9\uD83D\uDE00\ud835\udfd2)"), "\xC3\xA9\xF0\x9F\x98\x80\xF0\x9D\x9F\x92");
}

TEST(NestedText, WhatIsNoEscapeStandsForItself) {
  EXPECT_EQ(said_by(R"(C:\dir\u00x4 \q)"), R"(C:\dir\u00x4 \q)");
  EXPECT_EQ(said_by("\\\xF0\x9F\x98\x80 \"\n\x01"), "\\\xF0\x9F\x98\x80 \"\n\x01");
  EXPECT_EQ(said_by(R"(\ud83dx\ud83d\n\ud83d\u0041\ud83d\ud83d\ude00\ude00)"),
            "\xEF\xBF\xBDx\xEF\xBF\xBD\n\xEF\xBF\xBD"
            "A\xEF\xBF\xBD\xF0\x9F\x98\x80\xEF\xBF\xBD");
  EXPECT_EQ(said_by("\\ud83d\\u00\xF0\x9F\x98\x80"), "\xEF\xBF\xBD\\u00\xF0\x9F\x98\x80");
}

TEST(NestedText, SaysNothingOfAnEscapeThatIsNotWhole) {
  for (const std::string_view text : {"\\", "\\u", "\\u00", "\\u003", "\\ud83d", "\\ud83d\\", "\\ud83d\\ude0"})
    EXPECT_EQ(said_by(text), "") << text;
}

TEST(NestedText, SaysTheSameWhereverItIsCut) {
  constexpr std::string_view text = "a\\ud83d\\ude00\\u0031\\\\u0031\xC3\xA9\\n\\ud83d\\ud83d\\q";
  for (std::size_t at = 0; at <= text.size(); ++at) {
    NestedText nested;
    base::RecycledString out;
    nested.decode(text.substr(0, at), out);
    nested.decode(text.substr(at), out);
    EXPECT_EQ(std::string{out}, said_by(text)) << at;
  }
}

}  // namespace
}  // namespace picket::guardrail
