#include "picket/inspection/testing/inspected.hpp"

namespace picket::inspection {
namespace {

using namespace testing;
using namespace std::chrono_literals;
using agent::Context;
using agent::Decision;
using agent::Reply;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using wire::RequestBodyChunk;
using wire::RequestHeaders;

/// Bodies that have come along with their heads (ADR 0010).
class HeadAndBody : public InspectionTest {
 protected:
  /// An agent that answers when the test says so: with answer_held(), in the order of the events.
  ScriptedAgent& slow_agent(const Terms& terms = {}, bool with_head = true, bool with_body = true) {
    auto self = std::make_shared<ScriptedAgent*>(nullptr);
    const auto hold = [self](const auto&, Context& context) -> Reply { return (*self)->hold(context); };
    Script script;
    if (with_head) script.request_headers = hold;
    if (with_body) script.request_body = hold;
    return *(*self = &agent(std::move(script), terms));
  }
  /// Begins the request's head, with a body that has come, and waits until the agent has seen both.
  void begin_both(Request& request, const ScriptedAgent& agent, std::optional<Verdict>& verdict) {
    request.comes_with({"body"});
    begin(request.headers_task(), verdict);
    ASSERT_TRUE(until([&] { return agent.has_seen("body 0 'body' last"); }));
    EXPECT_THAT(agent.seen(), ElementsAre("headers /", "body 0 'body' last"));
  }
  static base::HeaderOp set(std::string_view value) { return {base::HeaderOp::Kind::set, "x", value}; }
};

TEST_F(HeadAndBody, AnAgentGetsTheBodyBeforeItHasAnsweredTheHead) {
  ScriptedAgent& waf = slow_agent();
  Request request{*this};
  std::optional<Verdict> head;
  begin_both(request, waf, head);
  EXPECT_FALSE(head);
  waf.answer_held(Decision::allow());
  ASSERT_TRUE(until([&] { return head.has_value(); }));
  EXPECT_TRUE(head->goes_on());
  std::optional<Verdict> body;
  begin(request.body_task(), body);
  EXPECT_FALSE(body) << "nothing goes on before the verdict on the body";
  waf.answer_held(Decision::block(403));
  ASSERT_TRUE(until([&] { return body.has_value(); }));
  EXPECT_EQ(body->answer.value().status, 403);
  EXPECT_THAT(waf.seen(), ElementsAre("headers /", "body 0 'body' last")) << "each was asked about once";
}

TEST_F(HeadAndBody, WhatIsSaidOfTheBodyFirstCountsAfterWhatIsSaidOfTheHead) {
  Script script;
  script.request_body = [](const RequestBodyChunk&, Context&) {
    return Reply{Decision::allow().set_request_header("x", "body").replace_body("other")};
  };
  auto self = std::make_shared<ScriptedAgent*>(nullptr);
  script.request_headers = [self](const RequestHeaders&, Context& context) { return (*self)->hold(context); };
  ScriptedAgent& waf = *(*self = &agent(std::move(script)));
  Request request{*this};
  std::optional<Verdict> head;
  begin_both(request, waf, head);
  ASSERT_TRUE(until([&] { return metrics(0).answered.value() == 1; })) << "the body's answer";
  EXPECT_FALSE(head);
  EXPECT_THAT(request->request_operations(), IsEmpty());
  waf.answer_held(Decision::allow().set_request_header("x", "head"));
  ASSERT_TRUE(until([&] { return head.has_value(); }));
  EXPECT_THAT(request->request_operations(), ElementsAre(set("head")));
  EXPECT_EQ(request.body(), "") << "nothing goes on before the verdict on the body";
  EXPECT_TRUE(request.judged_body().goes_on());
  EXPECT_THAT(request->request_operations(), ElementsAre(set("body")));
  EXPECT_EQ(request.body(), "other");
}

TEST_F(HeadAndBody, ABlockAtTheHeadDiscardsWhatIsSaidOfTheBody) {
  const auto& waf =
      agent({.request_headers = [](const RequestHeaders&, Context&) { return Decision::block(403); },
             .request_body = [](const RequestBodyChunk&,
                                Context&) { return Decision::block(418).set_response_header("x", "body"); }});
  Request request{*this};
  request.comes_with({"body"});
  EXPECT_EQ(request.headers().answer.value().status, 403);
  request.complete(403);
  ASSERT_TRUE(until([&] { return waf.has_seen("complete 403"); }));
  EXPECT_TRUE(waf.has_seen("body 0 'body' last"));
  EXPECT_THAT(request->response_operations(), IsEmpty());
  EXPECT_EQ(counters(0).blocked.value(), 1U);
  EXPECT_EQ(audit_.outcomes.size(), 1U);
}

TEST_F(HeadAndBody, ABlockAtTheHeadEndsTheBodyThatIsStillLookedAtAndALateAnswerHarmsNobody) {
  ScriptedAgent& waf = slow_agent();
  {
    Request request{*this};
    std::optional<Verdict> head;
    begin_both(request, waf, head);
    waf.answer_held(Decision::block(403));
    ASSERT_TRUE(until([&] { return head.has_value(); }));
    EXPECT_EQ(head->answer.value().status, 403);
    ASSERT_TRUE(until([&] { return waf.has_seen("cancel"); }));
    waf.answer_held(Decision::block(418));
    request.complete(403);
  }
  EXPECT_EQ(metrics(0).in_flight.value(), 0);
  Request next{*this};
  std::optional<Verdict> head;
  begin(next.headers_task("/next"), head);
  ASSERT_TRUE(until([&] { return waf.has_seen("headers /next"); }));
  waf.answer_held(Decision::allow());
  ASSERT_TRUE(until([&] { return head.has_value(); }));
  EXPECT_TRUE(head->goes_on());
}

TEST_F(HeadAndBody, AFailureAtTheHeadIsOneFailureAndTheBodyGoesOnWhereItIsOpen) {
  const auto& waf =
      agent({.request_headers = [](const RequestHeaders&,
                                   Context&) { return Decision::block(403).header("host", "x"); },  // cannot be applied
             .request_body = [](const RequestBodyChunk&, Context&) { return Decision::allow().replace_body("other"); }},
            fail_open);
  Request request{*this};
  request.comes_with({"body"});
  EXPECT_TRUE(request.headers().goes_on());
  EXPECT_TRUE(request.judged_body().goes_on());
  EXPECT_EQ(request.body(), "body");
  EXPECT_EQ(counters(0).failed_open.value(), 1U);
  EXPECT_TRUE(request.response(200).goes_on());
  EXPECT_TRUE(waf.has_seen("body 0 'body' last"));
  EXPECT_FALSE(waf.has_seen("response 200"));
}

TEST_F(HeadAndBody, AnAgentThatAnswersNeitherIsOneTimeout) {
  slow_agent({.timeout = 50ms});
  Request request{*this};
  request.comes_with({"body"});
  EXPECT_EQ(request.headers().failure, Failure::timeout);
  EXPECT_EQ(counters(0).failed_closed.value(), 1U);
  EXPECT_EQ(metrics(0).in_flight.value(), 0);
}

TEST_F(HeadAndBody, TheBodyHasAllOfItsTimeHoweverLongTheHeadTook) {
  ScriptedAgent& waf = slow_agent({.timeout = 2000ms});
  Request request{*this};
  std::optional<Verdict> head;
  begin_both(request, waf, head);
  transport::testing::turn_for(worker_, 1100ms);
  waf.answer_held(Decision::allow());
  ASSERT_TRUE(until([&] { return head.has_value(); }));
  ASSERT_TRUE(head->goes_on());
  std::optional<Verdict> body;
  begin(request.body_task(), body);
  transport::testing::turn_for(worker_, 1100ms);
  waf.answer_held(Decision::allow());
  ASSERT_TRUE(until([&] { return body.has_value(); }));
  EXPECT_TRUE(body->goes_on()) << "2.2 s after the head was sent";
}

TEST_F(HeadAndBody, AClientThatLeavesEndsBoth) {
  ScriptedAgent& waf = slow_agent();
  Request request{*this};
  std::optional<Verdict> head;
  begin_both(request, waf, head);
  request->cancel(wire::CancelReason::client_disconnect);
  ASSERT_TRUE(until([&] { return head.has_value(); }));
  EXPECT_EQ(head->decision, "cancelled");
  EXPECT_TRUE(until([&] { return waf.has_seen("cancel"); }));
  EXPECT_EQ(counters(0).failed_closed.value(), 0U);
}

TEST_F(HeadAndBody, AnInspectionMayEndWhileBothAreUnderWay) {
  ScriptedAgent& waf = slow_agent({}, false);
  Request request{*this};
  request.comes_with({"body"});
  EXPECT_TRUE(request.headers().goes_on());
  ASSERT_TRUE(until([&] { return waf.has_seen("body 0 'body' last"); }));
  request.end();
  EXPECT_TRUE(until([&] { return waf.has_seen("cancel"); }));
  EXPECT_EQ(metrics(0).in_flight.value(), 0);
}

TEST_F(HeadAndBody, ManyChunksKeepTheirOrderAndOnlyAFewGoAlong) {
  ScriptedAgent& waf = slow_agent({.chunk_size = 1}, true, false);
  Request request{*this};
  request.comes_with({"abc", "def"});
  std::optional<Verdict> head;
  begin(request.headers_task(), head);
  ASSERT_TRUE(until([&] { return waf.has_seen("body 3 'd'"); }));
  EXPECT_THAT(waf.seen(), ElementsAre("headers /", "body 0 'a'", "body 1 'b'", "body 2 'c'", "body 3 'd'"));
  waf.answer_held(Decision::allow());
  ASSERT_TRUE(until([&] { return head.has_value(); }));
  EXPECT_TRUE(request.judged_body().goes_on());
  EXPECT_EQ(request.body(), "abcdef");
  EXPECT_THAT(waf.seen(), ElementsAre("headers /", "body 0 'a'", "body 1 'b'", "body 2 'c'", "body 3 'd'", "body 4 'e'",
                                      "body 5 'f' last"));
}

// ---- who gets no body along

TEST_F(HeadAndBody, WithSeveralAgentsNoneSeesTheBodyOfARequestThatAnotherRefuses) {
  const auto& waf = agent();
  ScriptedAgent& login = slow_agent({.events = {.request_headers = true, .request_complete = true}});
  Request request{*this};
  request.comes_with({"body"});
  std::optional<Verdict> head;
  begin(request.headers_task(), head);
  ASSERT_TRUE(until([&] { return metrics(0).answered.value() == 1 && login.has_seen("headers /"); }));
  login.answer_held(Decision::block(401));
  ASSERT_TRUE(until([&] { return head.has_value(); }));
  EXPECT_EQ(head->answer.value().status, 401);
  request.complete(401);
  ASSERT_TRUE(until([&] { return waf.has_seen("complete 401"); }));
  EXPECT_THAT(waf.seen(), ElementsAre("headers /", "complete 401"));
}

TEST_F(HeadAndBody, AnAgentBehindAnotherGetsTheBodyAsThatOneMadeIt) {
  agent({.request_body = [](const RequestBodyChunk&, Context&) { return Decision::allow().replace_body("made"); }},
        {.events = {.request_body = true, .request_complete = true}});
  const auto& second = agent();
  Request request{*this};
  request.comes_with({"body"});
  EXPECT_TRUE(request.headers().goes_on());
  EXPECT_TRUE(request.judged_body().goes_on());
  EXPECT_THAT(second.seen(), ElementsAre("headers /", "body 0 'made' last"));
}

TEST_F(HeadAndBody, ABodyOverTheAgentsLimitDoesNotGoAlong) {
  Terms terms = fail_open;
  terms.max_body = 3;
  const auto& waf = agent({}, terms);
  Request request{*this};
  request.comes_with({"body"});
  EXPECT_TRUE(request.headers().goes_on());
  EXPECT_THAT(waf.seen(), ElementsAre("headers /"));
  EXPECT_TRUE(request.judged_body().goes_on());
  EXPECT_THAT(waf.seen(), ElementsAre("headers /", "body 0 '' last"));
  EXPECT_EQ(counters(0).bodies_uninspected.value(), 1U);
}

TEST_F(HeadAndBody, AnAgentThatDoesNotTakeBodiesGetsNone) {
  const auto& login = agent({}, {.events = {.request_headers = true, .request_complete = true}});
  Request request{*this};
  request.comes_with({"body"});
  EXPECT_TRUE(request.headers().goes_on());
  request.complete(200);
  ASSERT_TRUE(until([&] { return login.has_seen("complete 200"); }));
  EXPECT_THAT(login.seen(), ElementsAre("headers /", "complete 200"));
}

}  // namespace
}  // namespace picket::inspection
