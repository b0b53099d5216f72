#include "picket/guardrail/text_stage.hpp"

#include <functional>
#include <vector>

#include <gtest/gtest.h>

#include "picket/guardrail/testing/play.hpp"

namespace picket::guardrail {
namespace {

using testing::Judge;
using testing::Play;
using testing::redacting;

std::string event(std::string_view data) { return "data: " + std::string{data} + "\n\n"; }
std::string delta(std::string_view text, int choice = 0) {
  return event(R"({"choices":[{"index":)" + std::to_string(choice) + R"(,"delta":{"content":")" + std::string{text} +
               R"("}}]})");
}

TEST(TextStage, ADocumentGoesOnAsItCameWhereNothingIsRedacted) {
  const std::string body = "{ \"messages\" : [ {\"role\":\"user\", \"content\":\"h\\u0069 \\/ there\"} ] }\n";
  Play play{{.direction = body::Direction::request}};
  EXPECT_EQ(play.all_of(body), body);
  EXPECT_EQ(play.asked(), std::vector<std::string>{"hi / there"});
}

TEST(TextStage, RedactionRewritesTheTextAndNothingElse) {
  Play play{{.direction = body::Direction::response}, redacting("4111", "[\"card\"]")};
  EXPECT_EQ(play.all_of(R"( {"choices" :[{"message":{"content":"\u0061 4\u0031\u0031\u0031 \/"}, "index":0}] } )"),
            R"( {"choices" :[{"message":{"content":"\u0061 [\"card\"] \/"}, "index":0}] } )");
}

TEST(TextStage, KnowsWhetherItHasPutOtherWordsInPlace) {
  for (const bool redacts : {true, false}) {
    base::BlockPool pool;
    pool.set_budget(1 << 20);
    TextStage stage{{.direction = body::Direction::response}, pool};
    stage.feed({base::SharedBytes::borrowed(base::as_bytes(std::string_view{R"({"content":"4111"})"})), true});
    const auto question = stage.next();
    ASSERT_TRUE(question);
    const std::vector<Redaction> found{{0, 4, "x"}};
    stage.answer(*question, redacts ? found : std::vector<Redaction>{});
    EXPECT_FALSE(stage.take(100).bytes.empty());
    EXPECT_EQ(stage.is_as_sent(), !redacts);
  }
}

TEST(TextStage, OtherWordsThatAreStillHeldCountAsPutInPlace) {
  Play play{{.direction = body::Direction::response, .window = 7}, redacting("4111", "[x]")};
  EXPECT_EQ(play.out_of(delta("pay 4111")), R"(data: {"choices":[{"index":0,"delta":{"content":"p)");
  EXPECT_FALSE(play.stage().is_as_sent());
}

TEST(TextStage, ANumberThatIsRedactedBecomesAString) {
  Play play{{.direction = body::Direction::response}, redacting("4111", "[x]")};
  EXPECT_EQ(play.all_of(R"({"content":[{"type":"tool_use","input":{"card":41115,"n":3}}]})"),
            R"({"content":[{"type":"tool_use","input":{"card":"[x]","n":3}}]})");
}

std::string arguments(std::string_view text) {
  return event(R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":")" +
               std::string{text} + R"("}}]}}]})");
}

TEST(TextStage, EscapesWithinArgumentsAreDecoded) {
  const auto body = [](std::string_view text) {
    return R"({"choices":[{"message":{"tool_calls":[{"function":{"arguments":")" + std::string{text} + R"("}}]}}]})";
  };
  Play play{{.direction = body::Direction::response}, redacting("4111 111", "say \"x\"")};
  EXPECT_EQ(play.all_of(body(R"({\"a\":\"\\n4111\\u0020\\u0031\u005cu0031\u0031\\u00e9\"})")).find("0031"),
            std::string::npos);
  EXPECT_EQ(play.asked(), std::vector<std::string>{"{\"a\":\"\n4111 111\xC3\xA9\"}"});
}

TEST(TextStage, WhatIsRedactedInArgumentsLeavesJson) {
  Play play{{.direction = body::Direction::response}, redacting("4111 1", "say \"x\"")};
  const auto body = [](std::string_view text) {
    return R"({"choices":[{"message":{"function_call":{"arguments":"{\"a\":\"\\n)" + std::string{text} +
           R"(\\u00e9\"}"}}}]})";
  };
  EXPECT_EQ(play.all_of(body(R"(4111\\u0020\\u0031)")), body(R"(say \\\"x\\\")"));
}

TEST(TextStage, AnEscapeWithinArgumentsThatIsCutGoesTheWayOfItsEnd) {
  Play play{{.direction = body::Direction::response, .window = 16}, redacting("4111 1111", "[x]")};
  EXPECT_EQ(play.all_of(arguments(R"(a \\u)") + arguments("00") + arguments(R"(34111\\u0020)") +
                        arguments(R"(1111 \\)") + arguments(R"(n\\u00)") + event("[DONE]")),
            arguments("a [x]") + arguments("") + arguments("") + arguments(R"( \\)") + arguments(R"(n\\u00)") +
                event("[DONE]"));
  const std::string same = arguments(R"(a\\)") + arguments("u00") + arguments("e9 and more than the window is");
  Play plain{{.direction = body::Direction::response, .window = 16}};
  EXPECT_EQ(plain.all_of(same), same);
}

TEST(TextStage, ANumberInAnEventIsWholeAndWordsOfItsNameGoOn) {
  const auto one = [](std::string_view value) {
    return event(R"({"choices":[{"index":0,"delta":{"n":)" + std::string{value} + "}}]}");
  };
  Play play{{.direction = body::Direction::response, .window = 16}, redacting("411111111", "[x]")};
  EXPECT_EQ(play.out_of(one("411111111")), one("\"[x]\""));
  EXPECT_EQ(play.out_of(one("123456789")), one("123456789"));
  EXPECT_EQ(play.all_of(one("\"a 41111\"") + one("\"1111 b\"") + event("[DONE]")),
            one("\"a [x]\"") + one("\" b\"") + event("[DONE]"));
}

TEST(TextStage, AValueOverTwoEventsIsFoundAndLeavesInOneOfThem) {
  Play play{{.direction = body::Direction::response, .window = 16}, redacting("4111-1111", "[x]")};
  EXPECT_EQ(play.all_of(delta("pay 4111") + delta("-1111 now") + event("[DONE]")),
            delta("pay [x]") + delta(" now") + event("[DONE]"));
}

TEST(TextStage, ChoicesThatAlternateAreTextsOfTheirOwn) {
  Play play{{.direction = body::Direction::response, .window = 8}, redacting("4111", "[x]")};
  const auto stream = delta("41", 0) + delta("4", 1) + delta("11", 0) + delta("111", 1) + event("[DONE]");
  EXPECT_EQ(play.all_of(stream), delta("[x]", 0) + delta("[x]", 1) + delta("", 0) + delta("", 1) + event("[DONE]"));
}

TEST(TextStage, OfAStreamTheWindowStaysBehindAndNoMore) {
  Play play{{.direction = body::Direction::response, .window = 4}};
  EXPECT_EQ(play.out_of(delta("abcd")), "");
  EXPECT_EQ(play.out_of(delta("e")), R"(data: {"choices":[{"index":0,"delta":{"content":"a)");
  EXPECT_EQ(play.out_of(": ping\n\n"), "");
  EXPECT_EQ(play.out_of(delta("f")), "b");
  EXPECT_EQ(play.out_of(event(R"({"choices":[{"index":0,"finish_reason":"stop","delta":{}}]})")),
            "cd\"}}]}\n\n" + delta("e") + ": ping\n\n" + delta("f") +
                event(R"({"choices":[{"index":0,"finish_reason":"stop","delta":{}}]})"));
}

TEST(TextStage, WhatHasNoTextGoesOnAtOnce) {
  Play play{{.direction = body::Direction::response, .window = 4}};
  const std::string start = event(R"({"type":"message_start","message":{"content":[]}})");
  EXPECT_EQ(play.out_of(start), start);
  EXPECT_EQ(play.out_of(": keep\r\n"), ": keep\r\n");
}

TEST(TextStage, AnEndThatIsSaidWithEveryEventIsNotBelieved) {
  Play play{{.direction = body::Direction::response, .window = 16}, redacting("4111-1111", "[x]")};
  const auto one = [](std::string_view text) {
    return event(R"({"choices":[{"index":0,"finish_reason":"stop","delta":{"content":")" + std::string{text} +
                 "\"}}]}");
  };
  EXPECT_EQ(play.out_of(one("a 41")), "") << "nor the first";
  const auto out = play.all_of(one("11-11") + one("11 c") + event("[DONE]"));
  EXPECT_EQ(out, one("a [x]") + one("") + one(" c") + event("[DONE]"));
}

TEST(TextStage, AnEndThatIsSaidWithTheLastTextWaitsForTheStreams) {
  Play play{{.direction = body::Direction::response, .window = 16}};
  const std::string last = event(R"({"choices":[{"index":0,"finish_reason":"stop","delta":{"content":"b"}}]})");
  EXPECT_EQ(play.out_of(delta("a") + last), "");
  EXPECT_EQ(play.out_of(event("[DONE]")), delta("a") + last + event("[DONE]"));
}

TEST(TextStage, ABlockThatStopsLetsTheNextOneStream) {
  Play play{{.direction = body::Direction::response, .window = 4}};
  const auto block = [](int index, std::string_view text) {
    return event(R"({"type":"content_block_delta","index":)" + std::to_string(index) +
                 R"(,"delta":{"type":"text_delta","text":")" + std::string{text} + "\"}}");
  };
  const std::string stop = event(R"({"type":"content_block_stop","index":0})");
  EXPECT_EQ(play.out_of(block(0, "abc")), "");
  EXPECT_EQ(play.out_of(stop), block(0, "abc") + stop);
  EXPECT_NE(play.out_of(block(1, "defgh")), "");
}

std::string thought(std::string_view text, std::string_view name = "reasoning_content") {
  return event(R"({"choices":[{"index":0,"delta":{"content":null,")" + std::string{name} + R"(":")" +
               std::string{text} + R"("}}]})");
}

TEST(TextStage, AnAnswerDoesNotWaitForWhatWasThoughtBefore) {
  for (const std::string_view name : {"reasoning_content", "reasoning", "thinking"}) {
    SCOPED_TRACE(name);
    Play play{{.direction = body::Direction::response, .window = 4}, redacting("4111", "[x]")};
    EXPECT_EQ(play.out_of(delta("") + thought("a 41", name)), "");
    EXPECT_TRUE(play.out_of(thought("11", name) + delta("b 41")).starts_with(delta("") + thought("a [x]", name)));
    static_cast<void>(play.out_of(delta("11 and more")));
    EXPECT_EQ(play.taken_in_all(), delta("") + thought("a [x]", name) + thought("", name) + delta("b [x]") +
                                       R"(data: {"choices":[{"index":0,"delta":{"content":" and )");
  }
}

TEST(TextStage, WhatIsThoughtBesideAnAnswerWaitsForItsEnd) {
  Play play{{.direction = body::Direction::response, .window = 8}, redacting("4111", "[x]")};
  EXPECT_NE(play.out_of(thought("a") + delta("b")), "");
  EXPECT_EQ(play.out_of(thought("41") + delta("c") + thought("11")), "");
  static_cast<void>(play.out_of(event("[DONE]")));
  EXPECT_EQ(play.taken_in_all(),
            thought("a") + delta("b") + thought("[x]") + delta("c") + thought("") + event("[DONE]"));
}

TEST(TextStage, EmptyThoughtsBesideAnAnswerHoldNothingBack) {
  Play play{{.direction = body::Direction::response, .window = 4}};
  const auto both = [](std::string_view text) {
    return event(R"({"choices":[{"index":0,"delta":{"reasoning_content":"","content":")" + std::string{text} +
                 R"("}}]})");
  };
  const std::string out = play.out_of(thought("abc") + both("defg") + both("hijk"));
  EXPECT_TRUE(out.starts_with(thought("abc")) && out.ends_with("defg")) << out;
}

TEST(TextStage, ThoughtsThatGoOnBesideAnAnswerLeaveOtherEndsBelieved) {
  Play play{{.direction = body::Direction::response, .window = 16}};
  const std::string end = event(R"({"choices":[{"index":0,"finish_reason":"stop","delta":{}}]})");
  static_cast<void>(play.out_of(thought("a") + delta("b")));
  static_cast<void>(play.out_of(thought("c") + end));
  EXPECT_EQ(play.taken_in_all(), thought("a") + delta("b") + thought("c") + end);
}

TEST(TextStage, OfAKeyInSmallEventsNothingGoesOn) {
  Play play{{.direction = body::Direction::response, .window = 32}, [](std::string_view text) {
              const std::size_t begin = text.find("BEGIN");
              if (begin == std::string_view::npos) return std::vector<Redaction>{};
              const std::size_t end = text.find("END.", begin);
              return std::vector<Redaction>{{begin, end == std::string_view::npos ? text.size() : end + 4, "[x]"}};
            }};
  std::string stream = delta("the key: BEGIN");
  std::string expected = delta("the key: [x]");
  for (int i = 0; i < 100; ++i) stream += delta("0123456789"), expected += delta("");
  stream += delta("E") + delta("ND. ok") + event("[DONE]");
  expected += delta("") + delta(" ok") + event("[DONE]");
  EXPECT_EQ(play.all_of(stream), expected);
}

TEST(TextStage, DataOverSeveralLinesIsRewrittenInItsLine) {
  Play play{{.direction = body::Direction::response}, redacting("4111", "[x]")};
  EXPECT_EQ(
      play.all_of("data: {\"choices\":\r\ndata:[{\"index\":0,\r\ndata: \"delta\":{\"content\":\"4111\"}}]}\r\n\r\n"),
      "data: {\"choices\":\r\ndata:[{\"index\":0,\r\ndata: \"delta\":{\"content\":\"[x]\"}}]}\r\n\r\n");
}

TEST(TextStage, AByteOrderMarkIsNoPartOfIt) {
  Play play{{.direction = body::Direction::response}, redacting("4111", "[x]")};
  EXPECT_EQ(play.all_of("\xEF\xBB\xBF" + delta("4111")), "\xEF\xBB\xBF" + delta("[x]"));
}

TEST(TextStage, AnAnswerThatIsNoStreamIsADocument) {
  Play play{{.direction = body::Direction::response}, redacting("4111", "[x]")};
  EXPECT_EQ(play.all_of("\n{\"content\":[{\"type\":\"text\",\"text\":\"4111\"}]}"),
            "\n{\"content\":[{\"type\":\"text\",\"text\":\"[x]\"}]}");
}

TEST(TextStage, NothingOfADocumentGoesOnBeforeAllOfItWasAnswered) {
  Play play{{.direction = body::Direction::response}};
  TextStage& stage = play.stage();
  const std::string body = R"({"choices":[{"message":{"content":"a"}},{"message":{"content":"b"}}]})";
  play.feed(body, true);
  const auto first = stage.next();
  const auto second = stage.next();
  ASSERT_TRUE(first && second);
  stage.answer(*first, {});
  EXPECT_TRUE(stage.take(1000).is_nothing());
  stage.answer(*second, {});
  EXPECT_EQ(play.taken(), body);
}

TEST(TextStage, WhatIsNotUnderstoodStopsOrGoesPast) {
  for (const std::string_view body : {"plain text", R"({"output":"x"})", "<html></html>", R"({"choices":[)"}) {
    Play closed{{.direction = body::Direction::response}};
    EXPECT_EQ(closed.all_of(body), "") << body;
    EXPECT_EQ(closed.stage().stopped(), body::Stop::undecodable);
    EXPECT_NE(closed.stage().unread(), Unread::none);
    Play open{{.direction = body::Direction::response, .refuses_unread = false}};
    EXPECT_EQ(open.all_of(body), body);
    EXPECT_NE(open.stage().unread(), Unread::none);
  }
}

TEST(TextStage, WhatNeedHaveNoTextsGoesPastOnlyWhereItIsOfAnotherFormat) {
  const Policy policy{.direction = body::Direction::response, .expects_texts = false};
  for (const std::string_view body : {"<html></html>\n", "plain text", "\x89PNG\r\n\x1A\n", ""}) {
    Play play{policy};
    EXPECT_EQ(play.all_of(body), body);
    EXPECT_TRUE(play.asked().empty()) << body;
  }
  for (const std::string& body :
       {std::string{R"({"choices":[{"message":{"content":"x"},"logprobs":{}}]})"}, std::string{R"({"choices":[)"},
        std::string{"{\"a\":\"b\"}\n{\"a\":\"b\"}"}, delta("x") + event(R"({"choices":[{"logprobs":{}}]})"),
        event(R"({"type":"secret","x":"y"})"), delta("x") + "<html>\n",
        std::string{"data: {\"choices\":[]}\nother: x\n\n"}}) {
    Play play{policy};
    static_cast<void>(play.all_of(body));
    EXPECT_EQ(play.stage().stopped(), body::Stop::undecodable) << body;
  }
}

TEST(TextStage, JsonOfAnyShapeIsRedacted) {
  Play play{{.direction = body::Direction::response, .expects_texts = false}, redacting("4111", "[x]")};
  EXPECT_EQ(play.all_of(R"({"data":[{"choices":[{"message":{"content":"pay 4111"}}]},{"card":["4111",4111]}]})"),
            R"({"data":[{"choices":[{"message":{"content":"pay [x]"}}]},{"card":["[x]","[x]"]}]})");
  EXPECT_EQ(play.asked(), std::vector<std::string>{"pay 4111\n4111\n4111"});
}

TEST(TextStage, AnEventThatIsNotUnderstoodLetsNothingBehindItGoOn) {
  Play play{{.direction = body::Direction::response, .window = 4}};
  EXPECT_EQ(play.out_of(event(R"({"type":"ping"})") + event(R"({"type":"secret","x":"y"})")), "");
  EXPECT_EQ(play.stage().stopped(), body::Stop::undecodable);
}

TEST(TextStage, MoreThanMayBeHeldStopsOrGoesPast) {
  const std::string body = R"({"messages":[{"content":")" + std::string(1000, 'a') + R"("}]})";
  Play closed{{.direction = body::Direction::request, .holds = 100}};
  EXPECT_EQ(closed.all_of(body), "");
  EXPECT_EQ(closed.stage().stopped(), body::Stop::too_large);
  Play open{{.direction = body::Direction::request, .holds = 100, .refuses_larger = false}};
  EXPECT_EQ(open.all_of(body), body);
  EXPECT_TRUE(open.stage().outgrew());
}

const Judge finds_nothing = [](std::string_view) { return std::vector<Redaction>{}; };

TEST(TextStage, WhatIsKeptBesideTheBodyIsHeldToo) {
  std::string body = R"({"messages":[{"content":"x"})";
  for (int i = 0; i < 500; ++i) body += R"(,{"content":"x"})";
  body += "]}";
  const std::uint64_t scarce = 20 * body.size();
  Play closed{{.direction = body::Direction::request}, finds_nothing, scarce};
  EXPECT_EQ(closed.all_of(body), "");
  EXPECT_EQ(closed.stage().stopped(), body::Stop::overloaded);
  EXPECT_EQ(closed.held(), 0U);
  Play open{{.direction = body::Direction::request, .refuses_larger = false}, finds_nothing, scarce};
  EXPECT_EQ(open.all_of(body), body);
  EXPECT_EQ(open.stage().unread(), Unread::no_room);
  EXPECT_EQ(open.held(), 0U);
}

TEST(TextStage, WhatHasNoRoomItselfStopsThoughWhatIsLargerGoesPast) {
  const std::string body = R"({"messages":[{"content":")" + std::string(1000, 'a') + R"("}]})";
  Play open{{.direction = body::Direction::request, .refuses_larger = false, .refuses_unread = false},
            finds_nothing,
            body.size() / 2};
  EXPECT_EQ(open.all_of(body), "");
  EXPECT_EQ(open.stage().stopped(), body::Stop::overloaded);
  EXPECT_EQ(open.held(), 0U);
}

TEST(TextStage, WordsThatTakeAPlaceAreHeldUntilTheyLeave) {
  const std::string body = R"({"messages":[{"content":"4"}]})";
  Play closed{{.direction = body::Direction::request}, redacting("4", std::string(100'000, 'x')), 50'000};
  EXPECT_EQ(closed.all_of(body), "");
  EXPECT_EQ(closed.stage().stopped(), body::Stop::overloaded);
  Play play{{.direction = body::Direction::request}, redacting("4", std::string(100'000, 'x'))};
  play.feed(body, true);
  play.answer_all();
  EXPECT_GT(play.held(), 100'000U);
  EXPECT_GT(play.taken_in_all().size(), 100'000U);
  EXPECT_LT(play.held(), 10'000U);
}

TEST(TextStage, AStreamWithoutEndHoldsNoMoreThanItsWindow) {
  Play play{{.direction = body::Direction::response, .window = 32}, redacting("4111", "[redacted]")};
  static_cast<void>(play.out_of(delta("4111 and other words, over and over ")));
  const std::uint64_t held = play.held();
  for (int i = 0; i < 2000; ++i) static_cast<void>(play.out_of(delta("4111 and other words, over and over ")));
  EXPECT_LT(play.held(), 2 * held);
}

TEST(TextStage, NothingIsABodyWithoutText) {
  Play play{{.direction = body::Direction::response}};
  EXPECT_EQ(play.all_of(""), "");
  EXPECT_EQ(play.stage().stopped(), body::Stop::none);
  EXPECT_TRUE(play.has_end());
}

TEST(TextStage, WhoFailsOpenLetsGoWhatIsHeldAsFarAsItWasRedacted) {
  Play play{{.direction = body::Direction::response, .window = 32}, redacting("4111", "[x]")};
  const std::string text = "4111 and more than a window of other words";
  static_cast<void>(play.out_of(delta(text)));
  play.feed(delta("4111"), false);
  play.stage().open();
  EXPECT_EQ(play.taken_in_all(), delta("[x]" + text.substr(4)) + delta("4111"));
  EXPECT_EQ(play.out_of("anything"), "anything");
}

TEST(TextStage, TextsAreAskedAboutInTheirOrder) {
  Play play{{.direction = body::Direction::request}};
  static_cast<void>(play.all_of(R"({"system":"a","messages":[{"content":"b"},{"content":"c"}]})"));
  EXPECT_EQ(play.asked(), (std::vector<std::string>{"a", "b", "c"}));
}

TEST(TextStage, PartsOfOneMessageAreAskedAboutInARowToo) {
  const auto message = [](std::string_view name, std::string_view first, std::string_view second) {
    return R"({")" + std::string{name} + R"(":[{"type":"text","text":")" + std::string{first} +
           R"("},{"type":"image_url","image_url":{"url":"x"}},{"type":"text","text":")" + std::string{second} + "\"}]}";
  };
  Play play{{.direction = body::Direction::response}, redacting("4111-1111", "[x]")};
  EXPECT_EQ(play.all_of(message("content", "a 4111-1111, 4111", "-1111 b 4111-1111")),
            message("content", "a [x], [x]", " b [x]"));
  EXPECT_EQ(play.asked(), (std::vector<std::string>{"a 4111-1111, 4111", "x", "-1111 b 4111-1111",
                                                    "a 4111-1111, 4111-1111 b 4111-1111"}));
  for (const auto& body : {R"({"messages":[{"content":[{"text":"411"},{"text":"1-1"},{"text":"111"}]}]})",
                           R"({"system":["411","1-1","111"],"messages":[]})",
                           R"({"messages":[{"content":[{"content":[{"text":"411"},{"text":"1-1111"}]}]}]})"}) {
    Play prompt{{.direction = body::Direction::request}, redacting("4111-1111", "[x]")};
    const std::string out = prompt.all_of(body);
    EXPECT_NE(out.find("[x]\""), std::string::npos) << out;
    EXPECT_EQ(out.find("11"), std::string::npos) << out;
  }
}

TEST(TextStage, ARowOfPartsThatHasNoEndOfItsValueIsRedactedToItsEnd) {
  Play play{{.direction = body::Direction::request, .window = 16, .holds = 10'000'000}, [](std::string_view text) {
              const std::size_t begin = text.find("BEGIN");
              return begin == std::string_view::npos ? std::vector<Redaction>{}
                                                     : std::vector<Redaction>{{begin, text.size(), "[x]"}};
            }};
  const std::string body = R"({"messages":[{"content":[{"text":"a BEG"},{"text":"IN )" + std::string(100'000, 'k') +
                           R"("},{"text":"k"}]}]})";
  EXPECT_EQ(play.all_of(body), R"({"messages":[{"content":[{"text":"a [x]"},{"text":""},{"text":""}]}]})");
}

TEST(TextStage, WhatIsNoPartOfAMessageIsInNoRow) {
  for (const auto& body : {R"({"prompt":["a","b"]})", R"({"messages":[{"content":"a"},{"content":"b"}]})",
                           R"({"messages":[{"text":"a"},{"text":"b"}]})"}) {
    Play play{{.direction = body::Direction::request}};
    static_cast<void>(play.all_of(body));
    EXPECT_EQ(play.asked(), (std::vector<std::string>{"a", "b"})) << body;
  }
}

TEST(TextStage, ALongTextIsAskedAboutInPiecesThatOverlap) {
  Play play{{.direction = body::Direction::request, .window = 16, .holds = 10'000'000}, redacting("4111-1111", "[x]")};
  const std::string before(largest_question - 4, 'a');
  EXPECT_EQ(play.all_of(R"({"messages":[{"content":")" + before + R"(4111-1111"}]})"),
            R"({"messages":[{"content":")" + before + R"([x]"}]})");
  EXPECT_EQ(play.asked().size(), 2U);
}

}  // namespace
}  // namespace picket::guardrail
