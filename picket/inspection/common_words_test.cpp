#include "picket/inspection/common_words.hpp"

#include <string>

#include <gtest/gtest.h>

namespace picket::inspection {
namespace {

/// The parts in a row; each is checked to be in both texts.
std::string common(std::string_view text, std::string_view other) {
  std::string parts;
  for (const CommonWords& part : common_words(text, other)) {
    EXPECT_EQ(text.substr(part.begin, part.size), other.substr(part.new_begin, part.size));
    parts.append(parts.empty() ? "" : "|").append(text.substr(part.begin, part.size));
  }
  return parts;
}

TEST(CommonWords, AreWhatStandsBetweenTheDifferences) {
  EXPECT_EQ(common("one BBBB two words CCCC end", "one #2 two words #3 end"), "one | two words | end");
  EXPECT_EQ(common("same", "same"), "same");
  EXPECT_EQ(common("", "more"), "");
  EXPECT_EQ(common("some", ""), "");
  EXPECT_EQ(common("a b c", "x a b c y"), "a b c");
  EXPECT_EQ(common("jos\xC3\xA9 x", "jos\xC3\xA8 x"), " x");
}

TEST(CommonWords, SignsAloneAreNone) {
  EXPECT_EQ(common("4111 1111 1111", "[credit card]"), "");
  EXPECT_EQ(common("pay 4111 1111 now", "pay **** **** now"), "pay | now");
}

TEST(CommonWords, OfTextsThatDifferTooMuchAreNotLookedFor) {
  std::string text;
  std::string other;
  for (std::size_t i = 0; i < 20'000; ++i) {
    text.append("a ");
    other.append("b ");
  }
  EXPECT_EQ(common("w " + text + "w", "w " + other + "w"), "");
}

}  // namespace
}  // namespace picket::inspection
