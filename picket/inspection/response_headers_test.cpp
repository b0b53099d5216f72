#include "picket/inspection/testing/inspected.hpp"

namespace picket::inspection {
namespace {

using namespace testing;
using agent::Context;
using agent::Decision;
using base::Header;
using ::testing::ElementsAre;

class ResponseHeadersPhase : public InspectionTest {
 protected:
  /// What an agent saw, copied on its thread and read after the verdict.
  using Seen = std::vector<std::pair<std::string, std::string>>;
  static Script recording(Seen& seen, std::function<Decision()> decide) {
    return {.response_headers = [&seen, decide](const wire::ResponseHeaders& event, Context&) -> agent::Reply {
      for (const auto& field : event.headers) seen.emplace_back(field.name, field.value);
      return decide();
    }};
  }
};

TEST_F(ResponseHeadersPhase, EachAgentSeesWhatTheOneBeforeMadeOfIt) {
  Seen first;
  Seen second;
  agent(recording(first,
                  [] { return Decision::allow().remove_response_header("server").add_response_header("x", "1"); }));
  agent(recording(second, [] { return Decision::allow().set_response_header("x", "2"); }));
  Request request{*this};
  EXPECT_TRUE(request.response(200, {{"server", "s"}, {"a", "b"}}).goes_on());
  EXPECT_THAT(first, ElementsAre(std::pair{"server", "s"}, std::pair{"a", "b"}));
  EXPECT_THAT(second, ElementsAre(std::pair{"a", "b"}, std::pair{"x", "1"}));
  EXPECT_EQ(request->response_operations().size(), 2U);
}

TEST_F(ResponseHeadersPhase, OperationsOfTheRequestPhaseHaveBeenApplied) {
  Seen seen;
  Script script = recording(seen, [] { return Decision::allow(); });
  script.request_headers = [](const auto&, Context&) -> agent::Reply {
    return Decision::allow().set_response_header("a", "from the request");
  };
  agent(std::move(script));
  Request request{*this};
  EXPECT_TRUE(request.headers().goes_on());
  EXPECT_TRUE(request.response(200, {{"a", "b"}}).goes_on());
  EXPECT_THAT(seen, ElementsAre(std::pair{"a", "from the request"}));
}

TEST_F(ResponseHeadersPhase, NeedsMoreOfOneHoldsTheHeadUntilItLetsSomeOfTheBodyGoOn) {
  const Terms streams{.events = {.response_headers = true, .response_body = true}, .gathers = 0};
  const auto waits = [](const auto&, Context&) -> agent::Reply { return Decision::allow().needs_more(); };
  agent({}, streams);
  agent({.response_headers = waits}, streams);
  Request request{*this};
  EXPECT_TRUE(request.response(200).goes_on());
  BodyInspection& body = request->response_body();
  EXPECT_TRUE(body.begin(0));
  EXPECT_TRUE(body.holds_any());
  body.feed(base::SharedBytes::borrowed(base::as_bytes(std::string_view{"a"})), false);
  EXPECT_TRUE(transport::testing::run(worker_, body.judge()).goes_on());
  EXPECT_TRUE(body.lets_out());
  EXPECT_FALSE(body.holds_any());
}

TEST_F(ResponseHeadersPhase, NeedsMoreWhereNoBodyFollowsIsAFailureOfTheAgent) {
  const auto waits = [](const auto&, Context&) -> agent::Reply { return Decision::allow().needs_more(); };
  const Events heads{.response_headers = true};
  agent({.response_headers = waits}, {.events = heads, .failure_mode = FailureMode::open});
  agent({.response_headers = waits}, {.events = heads});
  Request request{*this};
  const Verdict verdict = request.response(304, {}, false);
  EXPECT_FALSE(verdict.goes_on());
  EXPECT_EQ(verdict.failure, Failure::protocol_error);
  EXPECT_EQ(counters(0).failed_open.value(), 1U);
  EXPECT_EQ(counters(1).invalid_responses.value(), 1U);
}

TEST_F(ResponseHeadersPhase, WithoutItTheHeadOfABodyThatStreamsIsHeldByNobody) {
  agent({}, {.events = {.response_headers = true, .response_body = true}, .gathers = 0});
  Request request{*this};
  EXPECT_TRUE(request.response(200).goes_on());
  EXPECT_TRUE(request->response_body().begin(0));
  EXPECT_FALSE(request->response_body().holds_any());
}

TEST_F(ResponseHeadersPhase, TheFirstDecisionEndsThePhase) {
  Seen first;
  agent(recording(first, [] { return Decision::block(502).body("leak"); }));
  const auto& second = agent();
  Request request{*this};
  const auto verdict = request.response(200);
  ASSERT_TRUE(verdict.answer);
  EXPECT_EQ(verdict.answer->status, 502);
  EXPECT_EQ(verdict.agent, "agent-0");
  EXPECT_FALSE(second.has_seen("response 200"));
}

TEST_F(ResponseHeadersPhase, FailuresAreDecidedByTheFailureMode) {
  Seen ignored;
  const auto invalid = [] { return Decision::allow().set_response_header("connection", "close"); };
  agent(recording(ignored, invalid), fail_open);
  agent(recording(ignored, invalid));
  Request request{*this};
  const auto verdict = request.response(200);
  EXPECT_EQ(verdict.agent, "agent-1");
  EXPECT_EQ(verdict.failure, Failure::protocol_error);
  EXPECT_EQ(counters(0).failed_open.value(), 1U);
  EXPECT_EQ(request->response_operations().size(), 0U);
}

TEST_F(ResponseHeadersPhase, OnlyConfiguredAgentsAreAsked) {
  const auto& other = agent({}, {.events = {.request_headers = true}});
  Request request{*this};
  EXPECT_FALSE(request->wants_response_headers());
  EXPECT_TRUE(request.response(200).goes_on());
  EXPECT_THAT(other.seen(), ElementsAre());
}

}  // namespace
}  // namespace picket::inspection
