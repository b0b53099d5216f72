#include "picket/inspection/testing/inspected.hpp"

namespace picket::inspection {
namespace {

using namespace testing;
using agent::Context;
using agent::Decision;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Audit : public InspectionTest {
 protected:
  static Script on_headers(std::function<Decision()> decide) {
    return {.request_headers = [decide](const auto&, Context&) { return agent::Reply{decide()}; }};
  }
  /// The outcomes so far, all of them of that request.
  std::vector<std::string> outcomes(const Request& request) {
    EXPECT_THAT(audit_.exchanges, Each(request.id()));
    return audit_.outcomes;
  }
};

TEST_F(Audit, ABareAllowIsNotTold) {
  agent();
  agent({.request_body =
             [](const auto& event, Context&) {
               if (event.is_last) return agent::Reply{Decision::allow()};
               return agent::Reply{Decision::allow().needs_more()};
             }},
        {.chunk_size = 2});
  Request request{*this};
  EXPECT_TRUE(request.headers().goes_on());
  EXPECT_TRUE(request.body({"body"}).goes_on());
  EXPECT_TRUE(request.response(200).goes_on());
  EXPECT_THAT(audit_.outcomes, IsEmpty());
}

TEST_F(Audit, ABlockIsToldWithItsRulesAndTags) {
  agent(on_headers([] { return Decision::block(403).rule("942100").rule("949110").tag("sqli").tag("a\"b"); }));
  Request request{*this};
  EXPECT_TRUE(request.headers().answer);
  EXPECT_THAT(outcomes(request), ElementsAre("agent-0 request_headers block 403 [942100,949110] [sqli,a\"b]"));
}

TEST_F(Audit, EveryAnswerThatIsMoreThanAllowIsToldInTheChainsOrder) {
  agent(on_headers([] { return Decision::allow().rule("1"); }));
  agent(on_headers([] { return Decision::allow().tag("bot"); }));
  agent(on_headers([] { return Decision::allow(); }));
  agent(on_headers([] { return Decision::allow().set_request_header("x", "y"); }));
  agent(on_headers([] { return Decision::allow().confidence(0.5F); }));
  agent(on_headers([] { return Decision::allow().route("pool", "b"); }));
  agent(on_headers([] { return Decision::allow().note("score", "3"); }));
  agent(on_headers([] { return Decision::allow().reason("R"); }));
  Request request{*this};
  EXPECT_TRUE(request.headers().goes_on());
  EXPECT_THAT(outcomes(request), SizeIs(7));
}

TEST_F(Audit, EveryPhaseNamesItself) {
  agent({.request_headers = [](const auto&, Context&) { return agent::Reply{Decision::allow().tag("h")}; },
         .request_body = [](const auto&, Context&) { return agent::Reply{Decision::allow().replace_body("x")}; },
         .response_headers = [](const auto&, Context&) { return agent::Reply{Decision::redirect("/away")}; }});
  Request request{*this};
  EXPECT_TRUE(request.headers().goes_on());
  EXPECT_TRUE(request.body({"body"}).goes_on());
  EXPECT_TRUE(request.response(200).answer);
  EXPECT_THAT(outcomes(request),
              ElementsAre("agent-0 request_headers allow - [] [h]", "agent-0 request_body allow - [] []",
                          "agent-0 response_headers redirect 302 [] []"));
}

TEST_F(Audit, FailuresAreToldToo) {
  absent_agent();
  absent_agent(fail_open);
  Request request{*this};
  EXPECT_FALSE(request.headers().goes_on());
  EXPECT_THAT(outcomes(request), ElementsAre("agent-0 request_headers failed_closed 503 [] []",
                                             "agent-1 request_headers failed_open - [] []"));
}

TEST_F(Audit, AnAnswerThatCannotBeHonouredIsToldWithItsReasonBeforeItsOutcome) {
  agent(on_headers([] { return Decision::allow().set_request_header("host", "elsewhere"); }));
  Request request{*this};
  EXPECT_FALSE(request.headers().goes_on());
  EXPECT_THAT(audit_.invalid_answers,
              ElementsAre("agent-0 request_headers: an agent must not touch the header 'host'"));
  EXPECT_THAT(outcomes(request), ElementsAre("agent-0 request_headers failed_closed 503 [] []"));
}

/// Its header operations are more than a head may grow by.
Decision too_much() {
  static const std::string large(30'000, 'v');
  return Decision::allow().tag("t").set_request_header("x-large", large);
}

TEST_F(Audit, AnAnswerWithMoreOperationsThanAHeadTakesIsOneFailureAndNoAllow) {
  agent(on_headers(too_much), fail_open);
  Request request{*this};
  EXPECT_TRUE(request.headers().goes_on());
  EXPECT_THAT(audit_.invalid_answers, SizeIs(1));
  EXPECT_THAT(outcomes(request), ElementsAre("agent-0 request_headers failed_open - [] []"));
  EXPECT_EQ(counters(0).allowed.value(), 0U);
  EXPECT_EQ(counters(0).invalid_responses.value(), 1U);
  EXPECT_EQ(counters(0).failed_open.value(), 1U);
}

TEST_F(Audit, TheSameBesideOthersOfWhomEachIsToldOfOnce) {
  agent(on_headers([] { return Decision::allow().tag("first"); }));
  agent(on_headers(too_much));
  agent(on_headers([] { return Decision::allow().tag("last"); }));
  Request request{*this};
  EXPECT_FALSE(request.headers().goes_on());
  EXPECT_THAT(outcomes(request), ElementsAre("agent-0 request_headers allow - [] [first]",
                                             "agent-1 request_headers failed_closed 503 [] []",
                                             "agent-2 request_headers allow - [] [last]"));
  EXPECT_EQ(counters(0).allowed.value(), 1U);
  EXPECT_EQ(counters(1).allowed.value(), 0U);
  EXPECT_EQ(counters(2).allowed.value(), 1U);
}

TEST_F(Audit, AnAllowBesideABlockIsCountedAndToldToo) {
  agent(on_headers([] { return Decision::allow().tag("bot").set_request_header("x", "y"); }));
  ScriptedAgent* self = nullptr;
  ScriptedAgent& blocks = agent(
      {.request_headers = [&self](const auto&, Context& context) -> agent::Reply { return self->hold(context); }});
  self = &blocks;
  Request request{*this};
  std::optional<Verdict> verdict;
  begin(request.headers_task(), verdict);
  ASSERT_TRUE(until([&] { return metrics(0).answered.value() == 1; }));
  blocks.answer_held(Decision::block(403));
  ASSERT_TRUE(until([&] { return verdict.has_value(); }));
  EXPECT_TRUE(verdict->answer);
  EXPECT_EQ(counters(0).allowed.value(), 1U);
  EXPECT_THAT(outcomes(request), ::testing::UnorderedElementsAre("agent-0 request_headers allow - [] [bot]",
                                                                 "agent-1 request_headers block 403 [] []"));
  EXPECT_THAT(request->request_operations(), IsEmpty());
}

TEST_F(Audit, ABodyThatPassesUninspectedIsTold) {
  agent({}, {.failure_mode = FailureMode::open, .max_body = 3});
  Request request{*this};
  EXPECT_TRUE(request.body({"body"}).goes_on());
  EXPECT_THAT(outcomes(request), ElementsAre("agent-0 request_body uninspected - [] []"));
}

}  // namespace
}  // namespace picket::inspection
