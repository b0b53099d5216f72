#include "picket/inspection/testing/inspected.hpp"

namespace picket::inspection {
namespace {

using namespace testing;
using agent::Context;
using agent::Decision;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using Kind = base::HeaderOp::Kind;

class RequestHeadersPhase : public InspectionTest {
 protected:
  /// An agent that answers when the test says so.
  ScriptedAgent& held(const Terms& terms = {}) {
    // The script needs the agent that it belongs to, which is there once the script runs.
    auto self = std::make_shared<ScriptedAgent*>(nullptr);
    ScriptedAgent& made =
        agent({.request_headers = [self](const auto&, Context& context) { return (*self)->hold(context); }}, terms);
    *self = &made;
    return made;
  }
  ScriptedAgent& deciding(std::function<Decision()> decide, const Terms& terms = {}) {
    return agent({.request_headers = [decide](const auto&, Context&) { return agent::Reply{decide()}; }}, terms);
  }
  ScriptedAgent& blocking(agent::BlockStatus status, const Terms& terms = {}) {
    return deciding([status] { return Decision::block(status); }, terms);
  }
};

TEST_F(RequestHeadersPhase, WithoutAgentsTheRequestGoesOn) {
  Request request{*this};
  const auto verdict = request.headers();
  EXPECT_TRUE(verdict.goes_on());
  EXPECT_EQ(verdict.decision, "allow");
  EXPECT_EQ(verdict.agent, "");
}

TEST_F(RequestHeadersPhase, OneAgentDecides) {
  const auto& waf = agent({.request_headers = [](const wire::RequestHeaders& event, Context&) -> agent::Reply {
    if (event.uri == "/bad") return Decision::block(403).body("no");
    return Decision::allow();
  }});
  Request good{*this};
  EXPECT_TRUE(good.headers("/good").goes_on());
  Request bad{*this};
  const auto verdict = bad.headers("/bad");
  ASSERT_TRUE(verdict.answer);
  EXPECT_EQ(verdict.answer->status, 403);
  EXPECT_EQ(verdict.answer->body, "no");
  EXPECT_EQ(verdict.decision, "block");
  EXPECT_EQ(verdict.agent, "agent-0");
  EXPECT_THAT(waf.seen(), ElementsAre("headers /good", "headers /bad"));
  EXPECT_EQ(counters(0).allowed.value(), 1U);
  EXPECT_EQ(counters(0).blocked.value(), 1U);
}

TEST_F(RequestHeadersPhase, RedirectsAndChallengesDecideToo) {
  deciding([] { return Decision::redirect("/login"); });
  Request redirected{*this};
  const auto verdict = redirected.headers();
  ASSERT_TRUE(verdict.answer);
  EXPECT_EQ(verdict.decision, "redirect");
  EXPECT_EQ(field(*verdict.answer, "location"), "/login");
  EXPECT_EQ(counters(0).redirected.value(), 1U);
}

TEST_F(RequestHeadersPhase, AgentsAreAskedInParallel) {
  ScriptedAgent& one = held();
  ScriptedAgent& two = held();
  Request request{*this};
  std::optional<Verdict> verdict;
  begin(request.headers_task(), verdict);
  // Neither has answered, and both have been asked.
  ASSERT_TRUE(until([&] { return one.has_seen("headers /") && two.has_seen("headers /"); }));
  EXPECT_FALSE(verdict);
  two.answer_held(Decision::allow());
  one.answer_held(Decision::allow());
  ASSERT_TRUE(until([&] { return verdict.has_value(); }));
  EXPECT_TRUE(verdict->goes_on());
}

TEST_F(RequestHeadersPhase, ADecisionWaitsForThoseBeforeItAndOneOfThemMayPrevail) {
  ScriptedAgent& first = held();
  blocking(403);
  Request request{*this};
  std::optional<Verdict> verdict;
  begin(request.headers_task(), verdict);
  ASSERT_TRUE(until([&] { return metrics(1).answered.value() == 1 && first.has_seen("headers /"); }));
  EXPECT_FALSE(verdict) << "the first agent may still decide otherwise";
  first.answer_held(Decision::block(429));
  ASSERT_TRUE(until([&] { return verdict.has_value(); }));
  EXPECT_EQ(verdict->answer->status, 429);
  EXPECT_EQ(verdict->agent, "agent-0");
}

TEST_F(RequestHeadersPhase, ADecisionPrevailsOnceThoseBeforeItAllow) {
  ScriptedAgent& first = held();
  blocking(403);
  Request request{*this};
  std::optional<Verdict> verdict;
  begin(request.headers_task(), verdict);
  ASSERT_TRUE(until([&] { return metrics(1).answered.value() == 1 && first.has_seen("headers /"); }));
  first.answer_held(Decision::allow());
  ASSERT_TRUE(until([&] { return verdict.has_value(); }));
  EXPECT_EQ(verdict->agent, "agent-1");
}

TEST_F(RequestHeadersPhase, AnEarlyDecisionCancelsTheRest) {
  blocking(403);
  ScriptedAgent& slow = held();
  Request request{*this};
  const auto verdict = request.headers();  // the second never answers
  ASSERT_TRUE(verdict.answer);
  EXPECT_EQ(verdict.agent, "agent-0");
  request.complete(403);
  EXPECT_TRUE(until([&] { return slow.has_seen("complete 403"); }));
  EXPECT_THAT(slow.seen(), ElementsAre("headers /", "cancel", "complete 403"));
  EXPECT_EQ(counters(1).failed_closed.value(), 0U) << "that nobody waited for it is not its failure";
}

TEST_F(RequestHeadersPhase, OperationsApplyInFilterOrderWhoeverAnswersFirst) {
  ScriptedAgent& slow = held();
  deciding([] { return Decision::allow().set_request_header("x-a", "second").set_response_header("x-r", "second"); });
  Request request{*this};
  std::optional<Verdict> verdict;
  begin(request.headers_task(), verdict);
  ASSERT_TRUE(until([&] { return metrics(1).answered.value() == 1 && slow.has_seen("headers /"); }));
  slow.answer_held(Decision::allow().set_request_header("x-a", "first").remove_response_header("x-b"));
  ASSERT_TRUE(until([&] { return verdict.has_value(); }));
  EXPECT_THAT(request->request_operations(), ElementsAre(base::HeaderOp{Kind::set, "x-a", "second"}));
  EXPECT_THAT(request->response_operations(),
              ElementsAre(base::HeaderOp{Kind::remove, "x-b", ""}, base::HeaderOp{Kind::set, "x-r", "second"}));
}

TEST_F(RequestHeadersPhase, WhoBlocksChangesNoHeaders) {
  deciding([] { return Decision::allow().set_request_header("x-a", "1"); });
  deciding([] { return Decision::block(403).set_response_header("x-b", "2"); });
  Request request{*this};
  EXPECT_TRUE(request.headers().answer);
  EXPECT_THAT(request->request_operations(), IsEmpty());
}

// ---- failures

TEST_F(RequestHeadersPhase, AFailClosedAgentThatIsTooSlowIsA504) {
  held({.timeout = std::chrono::milliseconds{30}});
  Request request{*this};
  const auto verdict = request.headers();
  EXPECT_EQ(verdict.failure, Failure::timeout);
  EXPECT_EQ(verdict.decision, "failed_closed");
  EXPECT_EQ(verdict.agent, "agent-0");
  EXPECT_EQ(counters(0).failed_closed.value(), 1U);
}

TEST_F(RequestHeadersPhase, AFailClosedAgentThatIsNotThereIsA503) {
  absent_agent();
  Request request{*this};
  const auto verdict = request.headers();
  EXPECT_EQ(verdict.failure, Failure::unavailable);
}

TEST_F(RequestHeadersPhase, AnAnswerThatCannotBeAppliedIsAFailure) {
  deciding([] { return Decision::allow().set_request_header("content-length", "0"); });
  Request request{*this};
  const auto verdict = request.headers();
  EXPECT_EQ(verdict.failure, Failure::protocol_error);
  EXPECT_EQ(counters(0).invalid_responses.value(), 1U);
  EXPECT_EQ(counters(0).allowed.value(), 0U);
  EXPECT_THAT(request->request_operations(), IsEmpty());
}

TEST_F(RequestHeadersPhase, AFailOpenAgentLetsTheRequestGoOnWhateverTheFailure) {
  held({.failure_mode = FailureMode::open, .timeout = std::chrono::milliseconds{30}});
  absent_agent(fail_open);
  deciding([] { return Decision::allow().add_response_header("x", "a\r\nb"); }, fail_open);
  deciding([] { return Decision::block(403).header("host", "x"); }, fail_open);
  Request request{*this};
  EXPECT_TRUE(request.headers().goes_on());
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(counters(i).failed_open.value(), 1U) << i;
  EXPECT_THAT(request->response_operations(), IsEmpty());
}

TEST_F(RequestHeadersPhase, ADecisionOutweighsAFailureBeforeItAndAFailureAnAllow) {
  absent_agent();
  deciding([] { return Decision::allow(); });
  const auto failed = [&] {
    Request request{*this};
    return std::string{request.headers().agent};
  };
  EXPECT_EQ(failed(), "agent-0");
}

TEST_F(RequestHeadersPhase, ADecisionBehindAFailurePrevails) {
  absent_agent();
  blocking(403);
  Request request{*this};
  const auto verdict = request.headers();
  EXPECT_EQ(verdict.agent, "agent-1");
  EXPECT_EQ(verdict.decision, "block");
}

TEST_F(RequestHeadersPhase, AnAgentThatFailedOpenIsNotAskedAgain) {
  ScriptedAgent& invalid = deciding([] { return Decision::block(403).header("host", "x"); }, fail_open);
  const ScriptedAgent& other = agent();
  Request request{*this};
  EXPECT_TRUE(request.headers().goes_on());
  EXPECT_TRUE(request.body({"body"}).goes_on());
  EXPECT_TRUE(request.response(200).goes_on());
  request.complete(200);
  ASSERT_TRUE(until([&] { return invalid.has_seen("complete 200") && other.has_seen("complete 200"); }));
  EXPECT_THAT(invalid.seen(), ElementsAre("headers /", "complete 200"));
  EXPECT_THAT(other.seen(), ElementsAre("headers /", "body 0 'body' last", "response 200", "complete 200"));
}

// ---- the client goes

/// A request that ends as a connection's does: with its first verdict everything of it goes.
transport::Task<void> serve(transport::Task<Verdict> phase, std::optional<Verdict>& verdict,
                            std::function<void()> over) {
  auto value = co_await phase;
  verdict.emplace(std::move(value));
  over();
}

TEST_F(RequestHeadersPhase, WhenTheClientGoesEveryAgentIsToldAndNobodyHasFailed) {
  ScriptedAgent& one = held();
  ScriptedAgent& two = held(fail_open);
  Request request{*this};
  std::optional<Verdict> verdict;
  transport::spawn(serve(request.headers_task(), verdict, [&] { request.end(); }));
  ASSERT_TRUE(until([&] { return one.has_seen("headers /") && two.has_seen("headers /"); }));
  request->cancel(wire::CancelReason::client_disconnect);
  ASSERT_TRUE(until([&] { return verdict.has_value(); }));
  EXPECT_FALSE(verdict->goes_on()) << "a cancelled inspection lets nothing go on";
  EXPECT_TRUE(until([&] { return one.has_seen("cancel") && two.has_seen("cancel"); }));
  EXPECT_EQ(counters(0).failed_closed.value() + counters(1).failed_open.value(), 0U);
  EXPECT_THAT(audit_.outcomes, IsEmpty());
}

TEST_F(RequestHeadersPhase, AfterTheClientWentNoFurtherAgentIsAsked) {
  auto self = std::make_shared<ScriptedAgent*>(nullptr);
  ScriptedAgent& one =
      agent({.request_body = [self](const auto&, Context& context) { return (*self)->hold(context); }}, fail_open);
  *self = &one;
  const ScriptedAgent& two = agent();
  Request request{*this};
  std::optional<Verdict> verdict;
  EXPECT_TRUE(request.headers().goes_on());
  request.feed("body", true);
  begin(request.body_task(), verdict);
  ASSERT_TRUE(until([&] { return one.has_seen("body 0 'body' last"); }));
  request->cancel(wire::CancelReason::client_disconnect);
  ASSERT_TRUE(until([&] { return verdict.has_value(); }));
  request.complete(0);
  ASSERT_TRUE(until([&] { return two.has_seen("complete 0"); }));
  EXPECT_THAT(two.seen(), Not(Contains("body 0 'body' last")));
}

// ---- the end

TEST_F(RequestHeadersPhase, TheEndIsToldToAgentsThatWereAskedAndToThoseThatOnlyWantTheEnd) {
  const ScriptedAgent& waf = agent();
  const ScriptedAgent& logger = agent({}, {.events = {.request_complete = true}});
  Request request{*this};
  EXPECT_TRUE(request.headers().goes_on());
  request.complete(204);
  EXPECT_TRUE(until([&] { return waf.has_seen("complete 204") && logger.has_seen("complete 204"); }));
  EXPECT_THAT(logger.seen(), ElementsAre("complete 204"));
}

}  // namespace
}  // namespace picket::inspection
