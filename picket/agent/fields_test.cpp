#include "picket/agent/fields.hpp"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

std::vector<std::pair<std::string, std::string>> pairs(const Fields& fields) { return {fields.begin(), fields.end()}; }

TEST(Fields, FormsAreReadAsBrowsersWriteThem) {
  const Fields form = parse_form("a=1&b=x+y%21&a=%e2%82%ac&empty=&bare&&=v");
  EXPECT_THAT(pairs(form), ElementsAre(Pair("a", "1"), Pair("b", "x y!"), Pair("a", "€"), Pair("empty", ""),
                                       Pair("bare", ""), Pair("", "v")));
  EXPECT_EQ(form.get("a"), "1");
  EXPECT_THAT(form.all("a"), ElementsAre("1", "€"));
  EXPECT_EQ(form.get("missing"), std::nullopt);
  EXPECT_EQ(parse_form("").size(), 0U);
}

TEST(Fields, APercentThatIsNoEscapeIsItself) {
  EXPECT_EQ(percent_decoded("100%"), "100%");
  EXPECT_EQ(percent_decoded("%4"), "%4");
  EXPECT_EQ(percent_decoded("%zz%41%4g"), "%zzA%4g");
  EXPECT_EQ(percent_decoded("%2541"), "%41");  // once
  EXPECT_EQ(percent_decoded("%00").size(), 1U);
}

TEST(Fields, AQueryIsBehindTheFirstQuestionMark) {
  EXPECT_THAT(pairs(parse_query("/a?q=1?2&r=#x?s=3")), ElementsAre(Pair("q", "1?2"), Pair("r", "")));
  EXPECT_EQ(parse_query("/a#b?c=d").size(), 0U);
  EXPECT_EQ(parse_query("/a").size(), 0U);
}

TEST(Fields, CookiesAreThoseOfAllFields) {
  const std::array<base::Header, 3> list{{{"Cookie", "a=1; b=\"x y\";c"}, {"x", "d=4"}, {"cookie", " e = f=g "}}};
  EXPECT_THAT(pairs(parse_cookies(base::Headers{list})),
              ElementsAre(Pair("a", "1"), Pair("b", "\"x y\""), Pair("e", "f=g")));
}

TEST(Fields, TooManyAreCutAndSaidToBe) {
  std::string text;
  for (std::size_t i = 0; i < Fields::most; ++i) text += "a&";
  EXPECT_FALSE(parse_form(text).is_cut());
  text += "last=1&another";
  const Fields form = parse_form(text);
  EXPECT_TRUE(form.is_cut());
  EXPECT_EQ(form.size(), Fields::most);
}

}  // namespace
}  // namespace picket::agent
