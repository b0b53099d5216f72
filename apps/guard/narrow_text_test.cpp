#include "apps/guard/narrow_text.hpp"

#include <gtest/gtest.h>

namespace picket::apps::guard {
namespace {

TEST(NarrowText, FullWidthCharactersAreAsciiAndSayWhereTheyStood) {
  const std::string source = "a４１！～　ＡＺｚé";
  const NarrowText text{source};
  EXPECT_EQ(text.text(), "a41!~ AZzé");
  EXPECT_EQ(text.source_of(0), 0U);
  EXPECT_EQ(text.source_of(1), 1U);
  EXPECT_EQ(text.source_of(2), 4U);
  EXPECT_EQ(text.source_of(text.text().size()), source.size());
}

TEST(NarrowText, ATextWithoutThemIsItself) {
  for (const std::string_view source :
       {"", "plain", "日本語 é", "\xef", "\xef\xbc", "\xef\xbc\x80", "\xef\xbd\x9f", "\xef\xbb\xbf"}) {
    const NarrowText text{source};
    EXPECT_EQ(text.text().data(), source.data());
    EXPECT_EQ(text.source_of(source.size()), source.size());
  }
}

}  // namespace
}  // namespace picket::apps::guard
