#include "picket/inspection/testing/inspected.hpp"

namespace picket::inspection {
namespace {

using namespace testing;
using agent::Context;
using agent::Decision;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using wire::RequestBodyChunk;

class RequestBodyPhase : public InspectionTest {
 protected:
  static constexpr Terms body_only{.events = {.request_body = true, .request_complete = true}};
  static Terms limited(std::uint64_t bytes, FailureMode mode = FailureMode::closed) {
    Terms terms = body_only;
    terms.max_body = bytes;
    terms.failure_mode = mode;
    return terms;
  }
  static Script on_body(std::function<Decision(const RequestBodyChunk&)> decide) {
    return {.request_body = [decide](const RequestBodyChunk& event, Context&) { return agent::Reply{decide(event)}; }};
  }
};

TEST_F(RequestBodyPhase, ChunksComeInOrderAndNoneIsLargerThanTheConfigurationSays) {
  std::vector<RequestBodyChunk> chunks;  // of the agent's thread, read after the verdict
  const auto& waf = agent(on_body([&](const RequestBodyChunk& event) {
                            chunks.push_back(event);
                            return Decision::allow();
                          }),
                          {.chunk_size = 4});
  Request request{*this};
  EXPECT_TRUE(request.body({"abcdefghij", "kl"}).goes_on());
  EXPECT_THAT(waf.seen(), ElementsAre("body 0 'abcd'", "body 1 'efgh'", "body 2 'ij'", "body 3 'kl' last"));
  ASSERT_THAT(chunks, SizeIs(4));
  EXPECT_EQ(request.body(), "abcdefghijkl");
  constexpr std::array<std::uint64_t, 4> received{4, 8, 10, 12};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(chunks[i].total_size, 12U);
    EXPECT_EQ(chunks[i].bytes_received, received[i]);
  }
}

TEST_F(RequestBodyPhase, AnAgentsPreferredSizeHoldsFromTheFirstChunkThatItIsAskedAbout) {
  const auto& waf = agent({.limits = {.preferred_chunk_size = 2000}}, body_only);
  Request request{*this};
  EXPECT_TRUE(request.body({std::string(5000, 'x')}).goes_on());
  EXPECT_THAT(waf.seen(), ElementsAre("body 0 of 2000", "body 1 of 2000", "body 2 of 1000 last"));
}

TEST_F(RequestBodyPhase, WhatAnswersToAnyNumberOfChunksSayOfHeadsHasABound) {
  const std::string value(12'000, 'v');
  const Terms terms{.events = body_only.events, .chunk_size = 1};
  agent(on_body([&](const RequestBodyChunk&) { return Decision::allow().set_response_header("x-same", value); }),
        terms);
  agent(on_body([&](const RequestBodyChunk& event) {
          return Decision::allow().set_response_header("x-other", value + std::to_string(event.chunk_index));
        }),
        terms);
  Request request{*this};
  EXPECT_FALSE(request.body({std::string(100, 'x')}).goes_on());
  EXPECT_EQ(counters(0).allowed.value(), 100U);
  EXPECT_EQ(counters(0).invalid_responses.value(), 0U);
  EXPECT_LT(counters(1).allowed.value(), 90U);
  EXPECT_EQ(counters(1).invalid_responses.value(), 1U);
}

TEST_F(RequestBodyPhase, TheSmallerOfBothSizesHolds) {
  const auto& waf = agent({.limits = {.preferred_chunk_size = 2000}}, {.events = body_only.events, .chunk_size = 1500});
  Request request{*this};
  EXPECT_TRUE(request.body({std::string(2000, 'x')}).goes_on());
  EXPECT_THAT(waf.seen(), ElementsAre("body 0 of 1500", "body 1 of 500 last"));
}

TEST_F(RequestBodyPhase, AnAgentCannotHaveABodyCutIntoBytes) {
  const auto& waf = agent({.limits = {.preferred_chunk_size = 1}}, body_only);
  Request request{*this};
  EXPECT_TRUE(request.body({std::string(1025, 'x')}).goes_on());
  EXPECT_THAT(waf.seen(), ElementsAre("body 0 of 1024", "body 1 'x' last"));
}

TEST_F(RequestBodyPhase, AnEmptyBodyIsOneLastChunk) {
  const auto& waf = agent({}, body_only);
  Request request{*this};
  EXPECT_TRUE(request.body({}).goes_on());
  EXPECT_THAT(waf.seen(), ElementsAre("body 0 '' last"));
}

TEST_F(RequestBodyPhase, TheFirstDecisionEndsTheBody) {
  const auto& waf = agent(on_body([](const RequestBodyChunk& event) -> Decision {
                            if (base::as_text(event.data) == "evil") return Decision::block(403).rule("9");
                            return Decision::allow().needs_more();
                          }),
                          {.chunk_size = 4});
  const auto& second = agent({}, body_only);
  Request request{*this};
  const auto verdict = request.body({"goodevil", std::string(400, 'x')});
  ASSERT_TRUE(verdict.answer);
  EXPECT_EQ(verdict.answer->status, 403);
  EXPECT_EQ(verdict.agent, "agent-0");
  request.complete(403);
  ASSERT_TRUE(until([&] { return waf.has_seen("complete 403") && second.has_seen("complete 403"); }));
  EXPECT_FALSE(waf.has_seen("body 99 'xxxx' last"));
  EXPECT_THAT(second.seen(), ElementsAre("complete 403")) << "it was not asked";
  EXPECT_EQ(counters(0).blocked.value(), 1U);
}

TEST_F(RequestBodyPhase, NeedsMoreKeepsTheBodyFlowingToTheVerdictOnTheLast) {
  agent(on_body([](const RequestBodyChunk& event) -> Decision {
          if (event.is_last) return Decision::block(418);
          return Decision::allow().needs_more();
        }),
        {.chunk_size = 4});
  Request request{*this};
  EXPECT_EQ(request.body({"abcdefghijklm"}).answer.value().status, 418);
}

TEST_F(RequestBodyPhase, ABodyThatOneAgentChangedIsWhatTheNextSees) {
  agent(on_body([](const RequestBodyChunk& event) -> Decision {
          const auto text = base::as_text(event.data);
          if (text == "drop") return Decision::allow().replace_body("");
          if (text == "swap") return Decision::allow().replace_body("SWAPPED");
          return Decision::allow();
        }),
        {.chunk_size = 4});
  const auto& second = agent({}, {.chunk_size = 5});
  Request request{*this};
  EXPECT_TRUE(request.body({"keepdropswap"}).goes_on());
  EXPECT_EQ(request.body(), "keepSWAPPED");
  EXPECT_THAT(second.seen(), ElementsAre("body 0 'keep'", "body 1 'SWAPP'", "body 2 'ED' last"));
}

TEST_F(RequestBodyPhase, ABodyMayBeDroppedAltogether) {
  agent(on_body([](const RequestBodyChunk&) { return Decision::allow().replace_body(""); }), {.chunk_size = 4});
  const auto& second = agent({}, body_only);
  Request request{*this};
  EXPECT_TRUE(request.body({"abcdefgh"}).goes_on());
  EXPECT_EQ(request.body(), "");
  EXPECT_THAT(second.seen(), ElementsAre("body 0 '' last"));
}

TEST_F(RequestBodyPhase, HeaderOperationsOfBodyAnswersCountToo) {
  agent(on_body([](const RequestBodyChunk&) { return Decision::allow().set_request_header("x-scanned", "yes"); }),
        body_only);
  Request request{*this};
  EXPECT_TRUE(request.body({"a"}).goes_on());
  EXPECT_THAT(request->request_operations(),
              ElementsAre(base::HeaderOp{base::HeaderOp::Kind::set, "x-scanned", "yes"}));
}

// ---- failures

TEST_F(RequestBodyPhase, AFailureInTheMiddleIsDecidedByTheFailureMode) {
  for (const auto mode : {FailureMode::closed, FailureMode::open})
    agent(on_body([](const RequestBodyChunk& event) -> Decision {
            if (event.chunk_index == 1) return Decision::block(403).header("host", "x");  // cannot be applied
            return Decision::allow().replace_body("changed");
          }),
          {.events = body_only.events, .failure_mode = mode, .chunk_size = 4});
  Request request{*this};
  const auto verdict = request.body({"abcdefghijkl"});
  EXPECT_EQ(verdict.failure, Failure::protocol_error);
  EXPECT_EQ(counters(0).failed_closed.value(), 1U);
}

TEST_F(RequestBodyPhase, ABodyGoesOnAsAnAgentGotItThatThenFailedOpen) {
  const auto& waf = agent(on_body([](const RequestBodyChunk& event) -> Decision {
                            if (event.chunk_index == 1) return Decision::block(403).header("host", "x");
                            return Decision::allow().replace_body("changed");
                          }),
                          {.failure_mode = FailureMode::open, .chunk_size = 4});
  Request request{*this};
  EXPECT_TRUE(request.body({"abcdefgh"}).goes_on());
  EXPECT_EQ(request.body(), "abcdefgh");
  EXPECT_TRUE(request.response(200).goes_on());
  EXPECT_FALSE(waf.has_seen("response 200"));
  EXPECT_EQ(counters(0).failed_open.value(), 1U);
}

TEST_F(RequestBodyPhase, AnAgentThatStopsAnsweringIsATimeout) {
  auto self = std::make_shared<ScriptedAgent*>(nullptr);
  ScriptedAgent& waf = agent({.request_body = [self](const RequestBodyChunk& event, Context& context) -> agent::Reply {
                               if (event.chunk_index == 0) return Decision::allow();
                               return (*self)->hold(context);
                             }},
                             {.timeout = std::chrono::milliseconds{50}, .chunk_size = 4});
  *self = &waf;
  Request request{*this};
  const auto verdict = request.body({"abcdefghijklmnopqrstuvwxyz"});
  EXPECT_EQ(verdict.failure, Failure::timeout);
  EXPECT_EQ(counters(0).failed_closed.value(), 1U) << "one failure, however many chunks were on their way";
}

// ---- limits

TEST_F(RequestBodyPhase, TheSmallestLimitOfTheFailClosedRefusesBeforeAnythingIsReadOrAsked) {
  agent({}, limited(3000));
  agent({.limits = {.max_body_size = 2000}}, limited(5000));
  agent({}, limited(1000, FailureMode::open));
  agent({}, {.events = {.request_headers = true}, .max_body = 1});
  for (const std::uint64_t size : {2000U, 2001U}) {
    Request request{*this};
    BodyInspection& body = request->request_body();
    EXPECT_TRUE(body.begin(size));
    const auto refusal = body.refusal();
    EXPECT_EQ(refusal.goes_on(), size == 2000) << size;
    if (refusal.goes_on()) continue;
    EXPECT_EQ(refusal.failure, Failure::body_too_large);
    EXPECT_EQ(refusal.agent, "agent-1");
    EXPECT_EQ(body.credit(), 0U);
  }
  EXPECT_EQ(counters(1).failed_closed.value(), 1U);
  EXPECT_THAT(audit_.outcomes, ElementsAre("agent-1 request_body failed_closed 413 [] []"));
}

TEST_F(RequestBodyPhase, TheLargestLimitIsHeld) {
  agent({}, limited(1000, FailureMode::open));
  const auto& large = agent({}, limited(9000, FailureMode::open));
  Request request{*this};
  EXPECT_TRUE(request.body({std::string(9000, 'x')}).goes_on());
  EXPECT_THAT(large.seen(), ElementsAre("body 0 of 9000 last"));
}

TEST_F(RequestBodyPhase, NobodyWantsABodyThatNobodyIsConfiguredFor) {
  agent({}, {.events = {.request_headers = true}});
  Request request{*this};
  EXPECT_FALSE(request->request_body().begin(1000));
  request.feed("abc");
  EXPECT_EQ(request.body(), "abc") << "it goes on as it comes";
}

TEST_F(RequestBodyPhase, NoBodyIsLargerThanTheChainSays) {
  Request request{*this};
  BodyInspection& body = request->request_body();
  body.begin(10'485'760);
  EXPECT_TRUE(body.refusal().goes_on());
  body.begin(10'485'761);
  const auto refusal = body.refusal();
  EXPECT_EQ(refusal.failure, Failure::body_too_large);
  EXPECT_EQ(refusal.agent, "") << "it is no agent's failure";
}

TEST_F(RequestBodyPhase, ABodyOverAFailClosedAgentsLimitIsA413) {
  const auto& waf = agent({}, limited(4));
  Request request{*this};
  const auto verdict = request.body({"abcde"});
  EXPECT_EQ(verdict.failure, Failure::body_too_large);
  EXPECT_THAT(waf.seen(), IsEmpty());
}

TEST_F(RequestBodyPhase, ABodyOfExactlyTheLimitIsInspected) {
  const auto& waf = agent({}, limited(4));
  Request request{*this};
  EXPECT_TRUE(request.body({"abcd"}).goes_on());
  EXPECT_THAT(waf.seen(), ElementsAre("body 0 'abcd' last"));
}

TEST_F(RequestBodyPhase, ABodyOverAFailOpenAgentsLimitPassesItUninspectedAndCounted) {
  const auto& small = agent({}, limited(4, FailureMode::open));
  const auto& large = agent({}, limited(100));
  Request request{*this};
  EXPECT_TRUE(request.body({"abcde"}).goes_on());
  EXPECT_THAT(small.seen(), ElementsAre("body 0 '' last")) << "what it says of the head waits for a last chunk";
  EXPECT_THAT(large.seen(), ElementsAre("body 0 'abcde' last"));
  EXPECT_EQ(request.body(), "abcde");
  EXPECT_EQ(counters(0).bodies_uninspected.value(), 1U);
  EXPECT_EQ(counters(1).bodies_uninspected.value(), 0U);
}

TEST_F(RequestBodyPhase, ABodyTooLargeForEverybodyIsCountedForEach) {
  std::optional<RequestBodyChunk> chunk;  // of the agent's thread, read after the verdict
  agent(on_body([&](const RequestBodyChunk& event) {
          chunk = event;
          return Decision::allow();
        }),
        limited(4, FailureMode::open));
  const auto& second = agent({}, limited(5, FailureMode::open));
  Request request{*this};
  EXPECT_TRUE(request.declared_body(1000).goes_on());
  EXPECT_EQ(counters(0).bodies_uninspected.value(), 1U);
  EXPECT_EQ(counters(1).bodies_uninspected.value(), 1U);
  ASSERT_TRUE(chunk);
  EXPECT_EQ(chunk->total_size, 1000U) << "the agent can see that it did not get all";
  EXPECT_EQ(chunk->bytes_received, 0U);
  EXPECT_THAT(second.seen(), ElementsAre("body 0 '' last"));
}

TEST_F(RequestBodyPhase, ABodyTooLargeForEverybodyGoesPastNoAgentThatIsFailClosed) {
  const auto& open = agent({}, limited(4, FailureMode::open));
  const auto& closed = agent({}, limited(4));
  Request request{*this};
  const auto verdict = request.declared_body(1000);
  EXPECT_EQ(verdict.failure, Failure::body_too_large);
  EXPECT_THAT(open.seen(), IsEmpty()) << "nobody is asked about what is refused anyway";
  EXPECT_THAT(closed.seen(), IsEmpty());
  EXPECT_EQ(counters(1).bodies_uninspected.value(), 0U);
  EXPECT_EQ(counters(1).failed_closed.value(), 1U);
}

TEST_F(RequestBodyPhase, AnAgentThatGetsNoBodyStillDecides) {
  agent(on_body([](const RequestBodyChunk&) { return Decision::block(403); }), limited(4, FailureMode::open));
  for (const bool for_everybody : {true, false}) {
    Request request{*this};
    const Verdict verdict = for_everybody ? request.declared_body(5) : request.body({"abcde"});
    ASSERT_TRUE(verdict.answer) << for_everybody;
    EXPECT_EQ(verdict.answer->status, 403);
  }
}

TEST_F(RequestBodyPhase, AnAgentThatGetsNoBodyCannotReplaceIt) {
  agent(on_body([](const RequestBodyChunk&) { return Decision::allow().replace_body("other"); }),
        limited(4, FailureMode::open));
  Request request{*this};
  EXPECT_TRUE(request.body({"abcde"}).goes_on());
  EXPECT_EQ(request.body(), "abcde");
}

// ---- several chunks on their way

TEST_F(RequestBodyPhase, SeveralChunksAreOnTheirWayAtOnceAndNoMoreThanAFew) {
  auto self = std::make_shared<ScriptedAgent*>(nullptr);
  ScriptedAgent& waf =
      agent({.request_body = [self](const RequestBodyChunk&, Context& context) { return (*self)->hold(context); }},
            {.chunk_size = 1});
  *self = &waf;
  Request request{*this};
  EXPECT_TRUE(request.headers().goes_on());
  request.feed("abcdefgh", true);
  std::optional<Verdict> verdict;
  begin(request.body_task(), verdict);
  ASSERT_TRUE(until([&] { return waf.has_seen("body 3 'd'"); }));
  for (int i = 0; i < 8; ++i) {
    // Each answer lets one more go.
    ASSERT_TRUE(until([&] { return waf.seen().size() >= static_cast<std::size_t>(std::min(1 + i + 4, 9)); })) << i;
    EXPECT_LE(waf.seen().size(), static_cast<std::size_t>(1 + i + 4));
    waf.answer_held(Decision::allow());
  }
  ASSERT_TRUE(until([&] { return verdict.has_value(); }));
  EXPECT_THAT(waf.seen(), ElementsAre("headers /", "body 0 'a'", "body 1 'b'", "body 2 'c'", "body 3 'd'", "body 4 'e'",
                                      "body 5 'f'", "body 6 'g'", "body 7 'h' last"));
}

TEST_F(RequestBodyPhase, ADecisionCancelsTheChunksThatAreStillOnTheirWay) {
  auto self = std::make_shared<ScriptedAgent*>(nullptr);
  ScriptedAgent& waf = agent({.request_body = [self](const RequestBodyChunk& event, Context& context) -> agent::Reply {
                               if (event.chunk_index == 1) return Decision::block(403);
                               return (*self)->hold(context);
                             }},
                             {.chunk_size = 1});
  *self = &waf;
  Request request{*this};
  request.feed("abcdefgh", true);
  std::optional<Verdict> verdict;
  begin(request.body_task(), verdict);
  ASSERT_TRUE(until([&] { return waf.has_seen("body 1 'b'"); }));
  EXPECT_FALSE(verdict) << "the answer to the first chunk comes first";
  waf.answer_held(Decision::allow());
  ASSERT_TRUE(until([&] { return verdict.has_value(); }));
  EXPECT_EQ(verdict->answer->status, 403);
  EXPECT_TRUE(until([&] { return waf.has_seen("cancel"); }));
}

TEST_F(RequestBodyPhase, LargeBodiesKeepTheirOrderThroughSeveralAgents) {
  std::string seen;  // of the agent's thread, read after the verdict
  agent(on_body([](const RequestBodyChunk& event) {
          return Decision::allow().replace_body(std::string{base::as_text(event.data)} + ".");
        }),
        {.chunk_size = 1000});
  agent(on_body([&](const RequestBodyChunk& event) {
          seen += base::as_text(event.data);
          return Decision::allow();
        }),
        {.chunk_size = 777});
  std::string expected;
  std::vector<std::string> pieces;
  for (int i = 0; i < 100; ++i) pieces.emplace_back(1000, static_cast<char>('a' + i % 26));
  for (const auto& piece : pieces) expected += piece + ".";
  Request request{*this};
  EXPECT_TRUE(request.body(pieces).goes_on());
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(request.body(), expected);
}

}  // namespace
}  // namespace picket::inspection
