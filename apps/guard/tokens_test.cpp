#include "apps/guard/tokens.hpp"

#include <gtest/gtest.h>

namespace picket::apps::guard {
namespace {

std::uint64_t usage_of(std::string_view body, std::size_t chunk) {
  UsageReader reader;
  for (; !body.empty(); body.remove_prefix(std::min(chunk, body.size()))) reader.feed(body.substr(0, chunk));
  return reader.tokens();
}

struct Body {
  const char* text;
  std::uint64_t tokens;
};
constexpr Body bodies[] = {
    {R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}})", 21},
    {"data: {\"type\":\"message_start\",\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}\n\n"
     "data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\": 15}}\n\n",
     40},
    {R"({"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":6,"totalTokenCount":10}})", 10},
    {R"({"done":true,"prompt_eval_count":26,"eval_count":298})", 324},
    {R"({"content":"it says \"total_tokens\":999 here","usage":{"total_tokens":5}})", 5},
    {R"({"cache_input_tokens":7,"total_tokens":null,"input_tokens":"8","output_tokens":99999999999999999999})", 0},
    {R"({"total_tokens":1e3,"input_tokens":1.5})", 0},
    {"hello", 0},
};

TEST(UsageReader, FindsWhatTheModelSaysHoweverItIsCut) {
  for (const Body& body : bodies)
    for (const std::size_t chunk : {1, 2, 3, 7, 63, 64, 65, 1000})
      EXPECT_EQ(usage_of(body.text, chunk), body.tokens) << body.text << " by " << chunk;
}

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
