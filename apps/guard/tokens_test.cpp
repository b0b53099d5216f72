#include "apps/guard/tokens.hpp"

#include <gtest/gtest.h>

namespace picket::apps::guard {
namespace {

TEST(EstimatedTokens, AreAQuarterOfAsciiAndEachOtherCharacter) {
  EXPECT_EQ(estimated_tokens(""), 0U);
  EXPECT_EQ(estimated_tokens("abcd"), 1U);
  EXPECT_EQ(estimated_tokens("abcde"), 2U);
  EXPECT_EQ(estimated_tokens("日本語"), 3U);
}

TEST(OverlappingText, CountsWhatWindowsShareOnce) {
  OverlappingText text;
  text.feed("abcdefgh");
  text.feed("efghijkl");
  EXPECT_EQ(text.tokens(), 3U);
  text.feed("");
  text.feed("ijkl");
  EXPECT_EQ(text.tokens(), 4U);  // nothing was before it: the empty window ended the text
}

TEST(OverlappingTexts, CountsWhatWindowsOfOneTextShareOnceWhileOthersComeInBetween) {
  OverlappingTexts texts;
  texts.feed("a", "abcdefgh");
  texts.feed("b", "efgh");  // another text, though it begins as the other ended
  texts.feed("a", "efghijkl");
  EXPECT_EQ(texts.tokens(), 2U + 1U + 1U);
}

TEST(OverlappingTexts, ForgetsTheOneThatWasFedLongestAgoAndNotItsTokens) {
  OverlappingTexts texts;
  for (std::size_t i = 0; i <= OverlappingTexts::most; ++i) texts.feed(std::to_string(i), "abcdefgh");
  EXPECT_EQ(texts.tokens(), 2 * (OverlappingTexts::most + 1));
  texts.feed("1", "efgh");
  EXPECT_EQ(texts.tokens(), 2 * (OverlappingTexts::most + 1)) << "it is known";
  texts.feed("0", "efgh");
  EXPECT_EQ(texts.tokens(), 2 * (OverlappingTexts::most + 1) + 1) << "it is not";
}

TEST(OverlappingText, OfTheSameLettersIsCountedAsTheLongestOverlap) {
  OverlappingText text;
  text.feed("aaaaaaaa");
  text.feed("aaaaaaaaaaaa");
  EXPECT_EQ(text.tokens(), 3U);
}

}  // namespace
}  // namespace picket::apps::guard
