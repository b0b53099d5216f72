#include "picket/guardrail/document.hpp"

#include <gtest/gtest.h>

#include "picket/guardrail/json_text.hpp"

namespace picket::guardrail {
namespace {

/// "name=text" of each text; what was not understood in words.
std::vector<std::string> texts_of(std::string_view text, Role role) {
  Document document;
  if (const Unread why = document.read(text, role); why != Unread::none) return {std::string{words_of(why)}};
  std::vector<std::string> texts;
  for (const auto& each : document.texts()) texts.push_back(each.name + "=");
  for (const auto& found : document.found()) {
    if (found.kind == Found::Kind::separator) texts[found.text] += '|';
    static_cast<void>(decode(text.substr(found.begin, found.end - found.begin), texts[found.text]));
  }
  return texts;
}

using Texts = std::vector<std::string>;

TEST(Document, APromptIsItsMessagesAndItsSystem) {
  EXPECT_EQ(texts_of(R"({"model":"m","messages":[{"role":"user","content":"hi"},
                         {"role":"user","content":[{"type":"text","text":"a\u0062"},{"type":"text","text":"c"}]}]})",
                     Role::request),
            (Texts{"messages/0/content=hi", "messages/1/content/0/text=ab", "messages/1/content/1/text=c"}));
  EXPECT_EQ(texts_of(R"({"system":"be good","tools":[{"description":"not text"}],"messages":[]})", Role::request),
            Texts{"system=be good"});
  EXPECT_EQ(texts_of(R"({"prompt":["a","b"]})", Role::request), (Texts{"prompt/0=a", "prompt/1=b"}));
}

TEST(Document, ToolsAreOneTextForEachCall) {
  EXPECT_EQ(texts_of(R"({"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"pay",
                         "input":{"card":4111,"to":["x","y"],"note":null}}]},
                         {"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"done"}]}]})",
                     Role::request),
            (Texts{"messages/0/content/0/input=card|4111|to|x|y|note", "messages/1/content/0/content=done"}));
  EXPECT_EQ(texts_of(R"({"choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[
                         {"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]}}]})",
                     Role::answer),
            Texts{R"(choices/0/message/tool_calls/0/function/arguments={"a":1})"});
}

TEST(Document, IndicesAreThoseThatTheAnswerNames) {
  EXPECT_EQ(texts_of(R"({"choices":[{"delta":{"content":"b","tool_calls":[{"function":{"arguments":"x"},"index":3}]},
                         "index":1},{"index":0,"delta":{"content":"a"}}]})",
                     Role::event),
            (Texts{"choices/1/delta/content=b", "choices/1/delta/tool_calls/3/function/arguments=x",
                   "choices/0/delta/content=a"}));
}

TEST(Document, BlocksOfAMessageAreTexts) {
  EXPECT_EQ(
      texts_of(R"({"type":"message","role":"assistant","content":[{"type":"text","text":"hello"}]})", Role::answer),
      Texts{"content/0/text=hello"});
  EXPECT_EQ(
      texts_of(R"({"type":"content_block_delta","delta":{"type":"text_delta","text":"he"},"index":2})", Role::event),
      Texts{"content/2/text=he"});
  EXPECT_EQ(
      texts_of(R"({"type":"content_block_start","index":2,"content_block":{"type":"text","text":"x"}})", Role::event),
      Texts{"content/2/text=x"});
  EXPECT_EQ(
      texts_of(R"({"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{"}})",
               Role::event),
      Texts{"content/1/partial_json={"});
}

TEST(Document, AFieldThatNobodyKnowsIsText) {
  EXPECT_EQ(
      texts_of(R"({"choices":[{"delta":{"new_field":"a","deep":{"er":["b"]}},"index":0}],"id":"i"})", Role::event),
      (Texts{"choices/0/delta/new_field=a", "choices/0/delta/deep/er/0=b"}));
}

TEST(Document, SpellingsThatSomeServersTakeAreThatField) {
  for (const std::string_view name : {"Messages", "MESSAGES", "me\xC5\xBFsages", "m\\u0065ssages"})
    EXPECT_EQ(texts_of(R"({"messages":[],")" + std::string{name} + R"(":[{"content":"x"}]})", Role::request).size(), 1U)
        << name;
}

TEST(Document, MediaIsNotLookedAtAndPlainDataIs) {
  const std::string image = "data:image/png;base64," + std::string(100, 'A');
  EXPECT_TRUE(
      texts_of(R"({"messages":[{"content":[{"image_url":{"url":")" + image + R"("}}]}]})", Role::request).empty());
  EXPECT_EQ(
      texts_of(R"({"messages":[{"content":[{"source":{"type":"text","data":"plain text"}}]}]})", Role::request).size(),
      1U);
}

TEST(Document, WhatIsNotUnderstoodIsSaid) {
  const auto why = [](std::string_view text, Role role) {
    Document document;
    return document.read(text, role);
  };
  EXPECT_EQ(why("nonsense", Role::answer), Unread::not_json);
  EXPECT_EQ(why(R"({"choices":[{"message")", Role::answer), Unread::not_json);
  EXPECT_EQ(why(R"({"choices":[]} {"choices":[]})", Role::answer), Unread::not_json);
  EXPECT_EQ(why(R"([{"choices":[]}])", Role::answer), Unread::not_known);
  EXPECT_EQ(why(R"("text")", Role::answer), Unread::not_known);
  EXPECT_EQ(why("7", Role::answer), Unread::not_known);
  EXPECT_EQ(why(R"({"output":[{"content":"x"}]})", Role::answer), Unread::not_known);
  EXPECT_EQ(why(R"({"input":"embed me"})", Role::request), Unread::not_known);
  EXPECT_EQ(why(R"({"type":"response.output_text.delta","delta":"x"})", Role::event), Unread::not_known);
  EXPECT_EQ(why(R"({"choices":[{"logprobs":{"content":[{"token":"x"}]}}]})", Role::event), Unread::unreadable);
  EXPECT_EQ(why(R"({"choices":[{"logprobs":null}]})", Role::event), Unread::none);
  EXPECT_EQ(why(R"({"type":"ping"})", Role::event), Unread::none);
  EXPECT_EQ(why(R"({"choices":[],"usage":{"total_tokens":3}})", Role::event), Unread::none);
  EXPECT_EQ(why(R"({"error":{"message":"x"}})", Role::answer), Unread::none);
}

TEST(Document, MoreTextsThanAreKeptApartAreSaid) {
  std::string text = R"({"messages":[)";
  for (std::size_t i = 0; i <= Document::most_texts; ++i) text += R"({"content":"x"},)";
  text += R"({"content":"x"}]})";
  Document document;
  EXPECT_EQ(document.read(text, Role::request), Unread::too_many);
}

TEST(Document, EndsAreThoseOfChoicesAndBlocks) {
  Document document;
  ASSERT_EQ(document.read(R"({"choices":[{"finish_reason":"stop","index":1,"delta":{}}]})", Role::event), Unread::none);
  ASSERT_EQ(document.ended().size(), 1U);
  EXPECT_EQ(document.ended().front(), "choices/1");
  ASSERT_EQ(document.read(R"({"choices":[{"finish_reason":null,"index":1,"delta":{}}]})", Role::event), Unread::none);
  EXPECT_TRUE(document.ended().empty());
  ASSERT_EQ(document.read(R"({"type":"content_block_stop","index":2})", Role::event), Unread::none);
  ASSERT_EQ(document.ended().size(), 1U);
  EXPECT_EQ(document.ended().front(), "content/2");
  ASSERT_EQ(document.read(R"({"type":"message_stop"})", Role::event), Unread::none);
  EXPECT_TRUE(document.ends_all());
}

}  // namespace
}  // namespace picket::guardrail
