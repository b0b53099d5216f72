#include "apps/guard/usage_reader.hpp"

#include <string>

#include <gtest/gtest.h>

namespace picket::apps::guard {
namespace {

UsageReader read(std::string_view body, std::size_t chunk) {
  UsageReader reader;
  for (; !body.empty(); body.remove_prefix(std::min(chunk, body.size()))) reader.feed(body.substr(0, chunk));
  return reader;
}

std::uint64_t usage_of(std::string_view body, std::size_t chunk) { return read(body, chunk).tokens({}).said; }

struct Body {
  const char* text;
  std::uint64_t tokens;
};
constexpr Body bodies[] = {
    {"data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\r\n\r\n"
     "event: message_delta\r\ndata: {\"delta\":{},\"usage\":{\"output_tokens\":15}}\r\n\r\ndata: [DONE]\r\n\r\n",
     40},
    {"data: {\"usage\":\ndata:  {\"total_tokens\":\ndata:\ndata: 12\ndata:}}\n\n", 12},
    {"data: {\"cut\":[{\"off \n\ndata: {\"usage\":{\"total_tokens\":12}}\n\n", 12},
    {R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}})", 21},
    {"data: {\"type\":\"message_start\",\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}\n\n"
     "data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\": 15}}\n\n",
     40},
    {R"({"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":6,"totalTokenCount":10}})", 10},
    {R"([{"candidates":[]},{"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":6}}])", 10},
    {R"({"response":{"status":"completed","usage":{"input_tokens":3,"output_tokens":4,"total_tokens":7}}})", 7},
    {"{\"done\":false,\"response\":\"a\"}\n{\"done\":true,\"prompt_eval_count\":2,\"eval_count\":3}\n", 5},
    {R"({"done":true,"prompt_eval_count":26,"eval_count":298})", 324},
    {R"({"content":"it says \"total_tokens\":999 here","usage":{"total_tokens":5}})", 5},
    {R"({"usage":{"cache_input_tokens":7,"total_tokens":null,"input_tokens":"8","output_tokens":null}})", 8},
    {R"({"usage":{"total_tokens":1e3,"input_tokens":1.5}})", 1000},
    {R"({"usage":{"prompt_tokens":1.5,"completion_tokens": "12.0"}})", 14},
    {R"({"usage":{"total_tokens":-5}})", 0},
    {R"({"usage":{"total_tokens":-1e30,"prompt_tokens":9,"completion_tokens":12}})", 21},
    {R"({"usage":{"total_tokens":"many"}})", 0},
    {R"({"usage":{"total_tokens":99999999999999999999}})", 1'000'000'000},
    {R"({"usage":{"total_tokens":1000000000000000000000000000000}})", 1'000'000'000},
    {R"({"usage":{"total_tokens": "1000000000000000000000000000000000000000000000000000000000000000000000000000000"}})",
     1'000'000'000},
    {R"({"usage":{"total_tokens":1e30}})", 1'000'000'000},
    {R"({"usage":{"total_tokens":1E+999}})", 1'000'000'000},
    {R"({"usage":{"total_tokens":-1e999}})", 0},
    {R"({"usage":{"total_tokens":-1e-999}})", 0},
    {R"({"usage":{"total_tokens":1e-999}})", 0},
    {R"({"usage":{"total_tokens":1e-5}})", 0},
    {R"({"usage":{"total_tokens":0.99,"prompt_tokens":0.5,"completion_tokens":"0.6"}})", 0},
    {R"({"usage":{"total_tokens":1.0}})", 1},
    {R"({"usage":{"total_tokens":1e-5,"prompt_tokens":9,"completion_tokens":12}})", 21},
    {R"({"usage":{"total_tokens":1234567890}})", 1'000'000'000},
    {R"({"usage":{"total_tokens":"1,000"}})", 1000},
    {R"({"usage":{"total_tokens":"1,234,567.5"}})", 1'234'568},
    {R"({"usage":{"total_tokens":"1 000"}})", 0},
    {R"({"usage":{"total_tokens":"12 tokens","prompt_tokens":"1_000"}})", 0},
    {R"({"usage":{"total_tokens":1-2,"prompt_tokens":1.2.3,"completion_tokens":1x}})", 0},
    {"hello", 0},
};

TEST(UsageReader, FindsWhatTheModelSaysHoweverItIsCut) {
  for (const Body& body : bodies)
    for (const std::size_t chunk : {1, 2, 3, 7, 63, 64, 65, 1000})
      EXPECT_EQ(usage_of(body.text, chunk), body.tokens) << body.text << " by " << chunk;
}

TEST(UsageReader, FindsItHoweverManyBlanksAreInBetween) {
  const std::string blanks = std::string(300, ' ') + std::string(40, '\n') + std::string(40, '\t');
  const std::string body = R"({"usage":{"prompt_tokens")" + blanks + ":" + blanks + "900," + blanks +
                           R"("completion_tokens")" + blanks + ":" + blanks + "\"100\"" + blanks + "}}";
  for (const std::size_t chunk : {1, 7, 64, 100, 1000, 10'000}) EXPECT_EQ(usage_of(body, chunk), 1000U) << chunk;
}

TEST(UsageReader, NoNumberIsTooLongToBeSmall) {
  const std::string zeros(350, '0');
  for (const std::string& number : {"0." + zeros, "0." + zeros + "1", "-0." + zeros + "1", "\"0." + zeros + "1\""})
    for (const std::size_t chunk : {1, 64, 100, 1000})
      EXPECT_EQ(usage_of(R"({"usage":{"total_tokens":)" + number + "}}", chunk), 0U) << number << " by " << chunk;
}

/// Said of an exchange whose prompt is estimated at 100 tokens and whose answer at 1000, and what it has cost.
struct Spent {
  const char* text;
  std::uint64_t said;
  std::uint64_t estimated;
};
constexpr Spent spent[] = {
    {"hello", 0, 1100},
    {R"({"usage":{"prompt_tokens":9,"completion_tokens":12}})", 21, 0},
    {R"({"usage":{"prompt_tokens":9}})", 9, 1000},
    {R"({"usage":{"completion_tokens":12}})", 12, 100},
    {R"({"usage":{"prompt_tokens":9,"completion_tokens":null}})", 9, 1000},
    {R"({"usage":{"prompt_tokens":9,"completion_tokens":0}})", 9, 1000},
    {R"({"usage":{"prompt_tokens":"many","completion_tokens":12}})", 12, 100},
    {R"({"usage":{"prompt_tokens":{"n":9},"completion_tokens":12}})", 12, 100},
    {R"({"usage":{"prompt_tokens":"","completion_tokens":12}})", 12, 100},
    {R"({"usage":{"prompt_tokens":nan,"completion_tokens":12}})", 12, 100},
    {R"({"usage":{"prompt_tokens":9,"completion_tokens":"12 tokens"}})", 9, 1000},
    {R"({"usage":{"prompt_tokens":9,"completion_tokens":"1 000","total_tokens":[1009]}})", 9, 1000},
    {R"({"usage":{"prompt_tokens":9,"completion_tokens":"1 000","total_tokens":1009}})", 1009, 0},
    {R"({"usage":{"input_tokens":9,"output_tokens":1}}{"usage":{"output_tokens":"12 tokens"}})", 9, 1000},
    {R"({"usage":{"input_tokens":9,"output_tokens":5000}}{"usage":{"output_tokens":"12 tokens"}})", 5009, 0},
    {R"({"usage":{"input_tokens":9,"output_tokens":1}}{"usage":{"output_tokens":null}}{"usage":{"output_tokens":12}})",
     21, 0},
    {R"({"usage":{"total_tokens":5}}{"usage":{"total_tokens":"many"}})", 0, 1100},
    {R"({"usage":{"total_tokens":5000}}{"usage":{"total_tokens":"many"}})", 5000, 0},
    {R"({"usage":{"total_tokens":"many"}})", 0, 1100},
};

TEST(UsageReader, WhatIsNotSaidOrCannotBeReadIsEstimatedPartByPart) {
  for (const Spent& each : spent)
    for (const std::size_t chunk : {1, 2, 7, 1000})
      EXPECT_EQ(read(each.text, chunk).tokens({.prompt = 100, .answer = 1000}),
                (Tokens{.said = each.said, .estimated = each.estimated}))
          << each.text << " by " << chunk;
}

TEST(UsageReader, OfAnAnswerThatEndsInTheMiddleTheLargerOfBothCounts) {
  const UsageReader begun = read(R"({"message":{"usage":{"input_tokens":250,"output_tokens":1}}})", 1000);
  EXPECT_EQ(begun.tokens_so_far({.prompt = 100, .answer = 1000}), (Tokens{.said = 250, .estimated = 1000}));
  EXPECT_EQ(begun.tokens_so_far({}), (Tokens{.said = 251}));
  EXPECT_EQ(read(R"({"usage":{"total_tokens":300}})", 1000).tokens_so_far({.prompt = 100, .answer = 100}),
            (Tokens{.said = 300}));
  EXPECT_FALSE(read("hello", 1000).says_any());
  EXPECT_TRUE(begun.says_any());
}

/// What a model, or whoever asks it, may have written stands elsewhere.
TEST(UsageReader, TakesNothingElsewhereForUsage) {
  for (const std::string_view body :
       {R"({"content":[{"type":"tool_use","input":{"total_tokens":1,"usage":{"total_tokens":1}}}]})",
        R"({"choices":[{"message":{"tool_calls":[{"input":{"usage":{"input_tokens":1,"output_tokens":1}}}]}}]})",
        R"({"message":{"content":{"usage":{"total_tokens":1}}}})", R"({"delta":{"usage":{"total_tokens":1}}})",
        R"({"total_tokens":1})", R"({"usage":[{"total_tokens":1}]})", R"({"usage":{"details":{"total_tokens":1}}})",
        R"([[{"usage":{"total_tokens":1}}]])", R"({"input":{"eval_count":1,"usageMetadata":{"totalTokenCount":1}}})",
        R"({"content":"\"usage\":{\"total_tokens\":1}"})", R"({"a":{"b":{"c":{"d":{"usage":{"total_tokens":1}}}}}})",
        R"({"a":"}","content":{"usage":{"total_tokens":1}}})", R"({"message.usage":{"total_tokens":1}})"})
    for (const std::size_t chunk : {1, 3, 1000}) EXPECT_EQ(usage_of(body, chunk), 0U) << body;
}

TEST(UsageReader, EstimatesAnAnswerByTheTextsInIt) {
  const auto estimated = [](std::string_view body) { return read(body, 5).estimated_answer(); };
  EXPECT_EQ(estimated("data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"delta\":{\"content\":\"four\"}}]}\n\n"
                      "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"delta\":{\"content\":\"four\"}}]}\n\n"),
            2U);
  EXPECT_EQ(estimated(R"({"content":[{"type":"text","text":"a\"b\\"},{"input":{"b":["four","\u00e9日"]}}]})"), 4U);
  EXPECT_EQ(estimated("four and four and no JSON"), 7U);
  EXPECT_EQ(estimated(""), 0U);
}

}  // namespace
}  // namespace picket::apps::guard
