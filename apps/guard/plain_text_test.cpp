#include "apps/guard/plain_text.hpp"

#include <gtest/gtest.h>

namespace picket::apps::guard {
namespace {

TEST(PlainText, CharactersThatStandForAsciiAreItAndSayWhereTheyStood) {
  const std::string source = "a４１！～　ＡＺｚé";
  const PlainText text{source};
  EXPECT_EQ(text.text(), "a41!~ AZzé");
  EXPECT_EQ(text.begin_in_source(0), 0U);
  EXPECT_EQ(text.begin_in_source(1), 1U);
  EXPECT_EQ(text.begin_in_source(2), 4U);
  EXPECT_EQ(text.end_in_source(2), 4U);
  EXPECT_EQ(text.begin_in_source(text.text().size()), source.size());
  EXPECT_EQ(text.end_in_source(text.text().size()), source.size());
}

TEST(PlainText, DigitsSpacesAndHyphensOfAnyScriptAreAscii) {
  EXPECT_EQ(PlainText{"٤١१𝟏𝟙"}.text(), "41111");
  EXPECT_EQ(PlainText{"a\u00a0b\u2009c\u202fd\u2028e\u2800f"}.text(), "a b c d\ne f");
  EXPECT_EQ(PlainText{"1\u20102\u20113\u22124"}.text(), "1-2-3-4");
  EXPECT_EQ(PlainText{"a\u2014b x\u00b2"}.text(), "a\u2014b x\u00b2") << "a dash and a power are none";
}

TEST(PlainText, WhatIsNotSeenIsLeftOutAndOfNoSpan) {
  const std::string source = "\u200b1\u00ad2\u2060\ufeff3\u200d.";
  const PlainText text{source};
  EXPECT_EQ(text.text(), "123.");
  EXPECT_EQ(text.begin_in_source(0), 3U);
  EXPECT_EQ(text.end_in_source(1), 4U);
  EXPECT_EQ(source.substr(text.end_in_source(3)), "\u200d.");
  EXPECT_EQ(PlainText{"\u200b"}.text(), "");
}

TEST(PlainText, ControlsAreNotSeenAndThoseThatEndALineDo) {
  using namespace std::string_view_literals;
  const std::string_view source = "4\0001\b1\0331\1771\u00861"sv;
  const PlainText text{source};
  EXPECT_EQ(text.text(), "411111");
  EXPECT_EQ(text.begin_in_source(1), 2U);
  EXPECT_EQ(text.end_in_source(text.text().size()), source.size());
  EXPECT_EQ(PlainText{"1\v2\f3\u00854"}.text(), "1\n2\n3\n4");
  EXPECT_EQ(PlainText{"\t1\r\n"}.text(), "\t1\r\n");
}

TEST(PlainText, ATextWithoutThemIsItself) {
  for (const std::string_view source : {"", "plain", "日本語 é", "\xef", "\xef\xbc", "\xef\xbc\x80", "\xef\xbd\x9f"}) {
    const PlainText text{source};
    EXPECT_EQ(text.text().data(), source.data());
    EXPECT_EQ(text.begin_in_source(source.size()), source.size());
    EXPECT_EQ(text.end_in_source(source.size()), source.size());
  }
}

TEST(PlainText, WhatIsNoUtf8StaysAsItIs) {
  const std::string source = "\xff４\xe2\x80";
  const PlainText text{source};
  EXPECT_EQ(text.text(),
            "\xff"
            "4\xe2\x80");
  EXPECT_EQ(text.end_in_source(2), 4U);
  EXPECT_EQ(text.end_in_source(text.text().size()), source.size());
}

}  // namespace
}  // namespace picket::apps::guard
