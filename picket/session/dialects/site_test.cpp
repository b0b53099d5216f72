#include "picket/session/dialects/site.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picket/session/dialects/testing/dialect_end.hpp"

/// The dialect site, as the bytes on its socket.
namespace picket::session::dialects {
namespace {

using namespace std::chrono_literals;
using testing::DialectEnd;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::raw_frame;
using testing::start_time;
using ::testing::StartsWith;
using wire::FrameType;

constexpr std::string_view go_answer =
    R"({"protocol_version":2,"agent_name":"g","capabilities":{"handles_request_headers":true,)"
    R"("handles_request_body":true,"handles_response_headers":true,"handles_response_body":false,)"
    R"("supports_streaming":true,"supports_cancellation":true,"max_concurrent_requests":7},"accepted":true})";

/// An end whose handshake was answered.
class Site : public ::testing::Test {
 protected:
  Site() {
    hello_ = end_.written();
    end_.feed(raw_frame(FrameType::handshake_response, go_answer));
    end_.session().clear_actions();
  }
  static std::string decision(std::string_view json) { return raw_frame(FrameType::agent_response, json); }

  std::string hello_;
  DialectEnd end_{Dialect::site};
};

TEST_F(Site, TheHandshakeSaysWhatTheseAgentsAskFor) {
  EXPECT_EQ(hello_[4], '\x01');
  EXPECT_THAT(hello_, HasSubstr(R"("protocol_version":2,"client_name":"picket")"));
  EXPECT_THAT(hello_, HasSubstr(R"("supported_encodings":["json"])"));
  const AgentInfo& agent = end_.session().agent();
  EXPECT_EQ(agent.name, "g");
  EXPECT_EQ(agent.limits.max_concurrency, 7U);
  EXPECT_TRUE(agent.wants(wire::EventKind::request_body_chunk));
  EXPECT_FALSE(agent.wants(wire::EventKind::response_body_chunk));
  EXPECT_FALSE(end_.session().takes(wire::EventKind::websocket_frame));
}

TEST_F(Site, AnEventHasANumberInPlaceOfItsId) {
  ASSERT_TRUE(end_.ask_response(end_.one, 3, 404));
  EXPECT_EQ(end_.written(),
            raw_frame(FrameType::response_headers, R"({"request_id":1,"status_code":404,"status":404,"headers":{}})"));
  end_.feed(decision(R"({"request_id":1,"decision":"allow"})"));
  EXPECT_THAT(end_.answered(), ElementsAre(3U));
}

TEST_F(Site, AnExchangeKeepsItsNumberAndItsAnswersMayCross) {
  ASSERT_TRUE(end_.ask(end_.one, 1));
  ASSERT_TRUE(end_.ask(end_.two, 2));
  EXPECT_THAT(end_.written(), HasSubstr(R"({"request_id":2,"metadata":{"correlation_id":)"));
  end_.feed(decision(R"({"request_id":2,"decision":{"block":{"status":403}}})"));
  EXPECT_THAT(end_.answered(), ElementsAre(2U));
  end_.feed(decision(R"({"request_id":1,"decision":"allow"})"));
  EXPECT_THAT(end_.answered(), ElementsAre(1U));
  ASSERT_TRUE(end_.ask_chunk(end_.one, 5, "abc"));
  EXPECT_THAT(end_.written().substr(5), StartsWith(R"({"request_id":1,"data":"YWJj","is_last":true)"));
}

TEST_F(Site, NeitherPingCancelNorCompleteIsSentInOurFrames) {
  ASSERT_TRUE(end_.ask(end_.one, 1));
  (void)end_.written();
  end_.session().tick(start_time + 2s);  // it times out: a cancel, and a ping
  const std::string said = end_.written();
  EXPECT_THAT(said, HasSubstr(raw_frame(FrameType{0x30}, R"({"request_id":1,"reason":"timeout"})")));
  EXPECT_THAT(said, HasSubstr("\xF0{\"timestamp\":"));
  EXPECT_THAT(said, Not(HasSubstr("\x40{")));
  EXPECT_THAT(said, Not(HasSubstr("\x41{")));
  EXPECT_TRUE(end_.session().suspect());
  end_.feed(raw_frame(FrameType{0xF1}, "{}"));
  EXPECT_FALSE(end_.session().suspect());
}

TEST_F(Site, TheEndOfAnExchangeIsACancelByWhichTheAgentForgetsIt) {
  ASSERT_TRUE(end_.ask(end_.one, 1));
  (void)end_.written();
  end_.feed(decision(R"({"request_id":1,"decision":"allow"})"));
  EXPECT_TRUE(end_.session().complete(end_.one, {.status = 200}, start_time));
  EXPECT_EQ(end_.written(), raw_frame(FrameType{0x30}, R"({"request_id":1,"reason":"request_complete"})"));
  ASSERT_TRUE(end_.ask(end_.one, 2));
  EXPECT_THAT(end_.written(), HasSubstr(R"({"request_id":2,)")) << "its number is never another's";
}

TEST_F(Site, ALateAnswerReachesNobody) {
  ASSERT_TRUE(end_.ask(end_.one, 1));
  (void)end_.written();
  end_.session().cancel(end_.one, wire::CancelReason::client_disconnect, start_time);
  EXPECT_TRUE(end_.session().complete(end_.one, {}, start_time));
  EXPECT_EQ(end_.written(), raw_frame(FrameType{0x30}, R"({"request_id":1,"reason":"client_disconnect"})"));
  ASSERT_TRUE(end_.ask(end_.two, 2));
  end_.feed(decision(R"({"request_id":1,"decision":"allow"})"));
  EXPECT_THAT(end_.answered(), IsEmpty());
  EXPECT_EQ(end_.end(), "");
}

TEST_F(Site, AnAnswerToWhatWasNotAskedEndsTheConnection) {
  for (const std::string_view said : {R"({"request_id":0,"decision":"allow"})",
                                      R"({"request_id":2,"decision":"allow"})", R"({"decision":"allow"})", "{"}) {
    DialectEnd end{Dialect::site};
    end.feed(raw_frame(FrameType::handshake_response, go_answer));
    ASSERT_TRUE(end.ask(end.one, 1));
    (void)end.written();
    end.feed(decision(said));
    EXPECT_NE(end.end(), "") << said;
  }
  end_.feed(raw_frame(FrameType{0x21}, "{}"));
  EXPECT_THAT(end_.end(), HasSubstr("type 0x21"));
}

TEST(SiteHandshake, IsRecognisedByTheNameInItsAnswer) {
  EXPECT_TRUE(is_site_answer(go_answer));
  EXPECT_TRUE(is_site_answer(R"({"protocol_version":2,"agent_name":"k","capabilities":{},"encoding":"json"})"));
  EXPECT_FALSE(is_site_answer(R"({"protocol_version":2,"success":true,"agent_name":"k"})"));
  EXPECT_FALSE(is_site_answer(R"({"error":"wrong tenant","accepted":false})"));
  EXPECT_FALSE(is_site_answer("what?"));
}

TEST(SiteHandshake, ARefusalSaysWhy) {
  const struct {
    std::string_view said;
    std::string_view why;
  } rows[] = {
      {R"({"protocol_version":2,"agent_name":"g","capabilities":null,"error":"full","accepted":false})", "full"},
      {R"({"protocol_version":2,"agent_name":"g","capabilities":null,"accepted":false})", "no reason"},
      {R"({"protocol_version":3,"agent_name":"g","capabilities":{},"accepted":true})", "version 3"},
      {R"({"protocol_version":2,"success":true})", "none of the dialect"},
  };
  for (const auto& row : rows) {
    DialectEnd end{Dialect::site};
    end.feed(raw_frame(FrameType::handshake_response, row.said));
    EXPECT_THAT(end.end(), HasSubstr(row.why)) << row.said;
  }
}

TEST(SiteHandshake, AConfigurationCannotBeSaid) {
  DialectEnd end{Dialect::site, {.config_json = "{}"}};
  EXPECT_THAT(end.end(), HasSubstr("no way to give an agent its configuration"));
}

}  // namespace
}  // namespace picket::session::dialects
