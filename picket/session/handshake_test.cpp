#include "picket/session/handshake.hpp"

#include <array>
#include <deque>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picket/session/agent_session.hpp"
#include "picket/session/testing/proxy_session.hpp"

/// The opening of connections that the proxy dials, at both ends.
namespace picket::session {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using base::ErrorKind;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using wire::FrameType;

// ---- the proxy's end

class ProxyHandshakeTest : public ProxySessionTest {
 protected:
  [[nodiscard]] const base::Error& end() {
    EXPECT_TRUE(conversation().end());
    return *conversation().end();
  }
};

TEST_F(ProxyHandshakeTest, IsTheFirstThingWritten) {
  transport::StreamFraming<ProxySession> end{handshake(ProxyConfig{}), start_time};
  EXPECT_THAT(types_of(take_output(end)), ElementsAre(FrameType::handshake_request));
}

TEST_F(ProxyHandshakeTest, IsOverOnceTheAgentAnswers) {
  auto& conversation = start();
  EXPECT_EQ(conversation.session(), nullptr);
  answer_handshake({.raw_bytes = true, .event_reply = true, .encoding = wire::Encoding::msgpack});
  EXPECT_EQ(conversation.opening(), nullptr);
  ASSERT_NE(conversation.session(), nullptr);
  auto& session = *conversation.session();
  EXPECT_EQ(session.state(), ProxySession::State::ready);
  ASSERT_EQ(session.actions().size(), 1U);
  EXPECT_TRUE(std::holds_alternative<Ready>(session.actions()[0]));
  EXPECT_EQ(session.format(), (wire::Format{wire::Encoding::msgpack, true, true}));
  EXPECT_TRUE(session.agent().wants(wire::EventKind::configure)) << "announced as 8";
  EXPECT_FALSE(session.agent().wants(wire::EventKind::websocket_frame));
}

TEST_F(ProxyHandshakeTest, AnAnswerOfAnotherDialectIsRecognised) {
  const std::string answer =
      raw_frame(FrameType::handshake_response, R"({"protocol_version":2,"agent_name":"g","accepted":true})");
  start();
  feed(answer);
  EXPECT_THAT(end().detail(), HasSubstr("speaks the dialect site"));
  EXPECT_EQ(conversation().opening()->speaks(), Dialect::site);
  start({.config_json = "{}"});
  feed(answer);
  EXPECT_THAT(end().detail(), HasSubstr("no way to give an agent its configuration"));
  EXPECT_EQ(conversation().opening()->speaks(), std::nullopt) << "it would not help";
}

TEST_F(ProxyHandshakeTest, APeerThatClosesInItsPlaceIsSaidToHaveDoneSo) {
  start().disconnected(base::fail(ErrorKind::connection_closed, "the peer closed the connection"));
  EXPECT_EQ(end().detail(), "the peer closed the connection before it had answered the handshake");
  ProxyHandshake on_grpc{std::make_shared<const ProxyConfig>(), grpc_handshake};
  EXPECT_THAT(on_grpc.interrupted(base::fail(ErrorKind::connection_closed, "closed")).detail(),
              HasSubstr("is gRPC spoken there?"));
}

TEST_F(ProxyHandshakeTest, BadAnswersEndTheConnectionWithTheirReason) {
  const auto with = [](auto change) {
    wire::HandshakeResponse response{.protocol_version = 2, .capabilities = {.agent_id = "a"}, .success = true};
    change(response);
    return frame_of({}, response);
  };
  const struct {
    std::string bytes;
    ErrorKind kind;
    std::string_view says;
  } rows[] = {
      {with([](auto& r) { r.success = false, r.error = "go away"; }), ErrorKind::connection_failed, "go away"},
      {with([](auto& r) { r.protocol_version = 3; }), ErrorKind::version_mismatch, "version 3"},
      {with([](auto& r) { r.success = false, r.error = "no\nline"; }), ErrorKind::connection_failed, "no\\x0aline"},
      {with([](auto& r) { r.success = false; }), ErrorKind::connection_failed, R"(it said [{"protocol_version":2)"},
      {raw_frame(FrameType::agent_response, R"({"a":1})"), ErrorKind::invalid_message, R"(it said [{"a":1}])"},
      {raw_frame(FrameType::handshake_response, R"({"error":"wrong tenant","accepted":false})"),
       ErrorKind::invalid_message, R"(it said [{"error":"wrong tenant","accepted":false}])"},
      {raw_frame(FrameType::handshake_response, "what?"), ErrorKind::invalid_message, "it said [what?]"},
      {std::string("\0\0\0\x12", 4) + R"({"error":"go v1"})", ErrorKind::invalid_message, R"("error":"go v1")"},
      {std::string(4, '\0'), ErrorKind::invalid_message, "length 0"},
      {std::string("\xff\xff\xff\xff\x02", 5), ErrorKind::message_too_large, "16777216"},
  };
  for (const auto& row : rows) {
    start();
    feed(row.bytes);
    EXPECT_EQ(end().kind(), row.kind) << end().message();
    EXPECT_THAT(end().detail(), HasSubstr(row.says));
    EXPECT_EQ(conversation().session(), nullptr);
    EXPECT_EQ(conversation().next_wakeup(), base::TimePoint::max());
    answer_handshake();  // too late
    EXPECT_EQ(conversation().session(), nullptr);
  }
}

TEST_F(ProxyHandshakeTest, OfAConfigurationThatIsNoneEndsAtOnce) {
  transport::StreamFraming<ProxySession> end{handshake(ProxyConfig{.config_json = "{"}), start_time};
  ASSERT_TRUE(end.conversation().end());
  EXPECT_EQ(end.conversation().end()->kind(), ErrorKind::invalid_message);
  EXPECT_EQ(take_output(end), "");
}

TEST_F(ProxyHandshakeTest, ThatNobodyAnswersIsGivenUp) {
  auto& conversation = start({.handshake_timeout = 2s});
  EXPECT_EQ(conversation.next_wakeup(), start_time + 2s);
  conversation.tick(start_time + 1999ms);
  EXPECT_FALSE(conversation.end());
  conversation.tick(start_time + 2s);
  EXPECT_EQ(end().kind(), ErrorKind::timeout);
}

TEST_F(ProxyHandshakeTest, ASecondAnswerIsAProtocolError) {
  (void)ready();
  answer_handshake();
  EXPECT_EQ(end().kind(), ErrorKind::invalid_message);
  EXPECT_THAT(end().detail(), HasSubstr("an agent must not send handshake_response here"));
}

// ---- its configuration

class ConfiguringTest : public ProxyHandshakeTest {
 protected:
  Conversation<ProxySession>& configure(std::string json, const Peer& peer = {}) {
    auto& conversation = start({.config_json = std::move(json), .configure_timeout = 5s});
    answer_handshake(peer);
    EXPECT_EQ(conversation.session(), nullptr);
    EXPECT_THAT(types_of(written()), ElementsAre(FrameType::configure));
    return conversation;
  }
  static std::string accepts() { return frame_of({}, wire::AgentResponse{.correlation_id = "picket-configure"}); }
};

TEST_F(ConfiguringTest, TheConnectionIsUsedOnlyOnceItIsAccepted) {
  auto& conversation = configure(R"({"paranoia-level":2})");
  feed(accepts());
  ASSERT_NE(conversation.session(), nullptr);
  EXPECT_EQ(conversation.session()->state(), ProxySession::State::ready);
}

TEST_F(ConfiguringTest, ARefusalSaysWhyAndWhatOf) {
  auto& conversation = configure(R"({"paranoia-level":2})");
  const wire::AgentResponse refusal{.decision = wire::Block{.status = 400, .body = "unknown key"},
                                    .correlation_id = "picket-configure"};
  feed(frame_of({}, refusal));
  EXPECT_THAT(end().detail(), HasSubstr("unknown key"));
  EXPECT_THAT(end().detail(), HasSubstr(R"([{"paranoia-level":2}])"));
  ASSERT_TRUE(conversation.opening()->refusal());
  EXPECT_THAT(*conversation.opening()->refusal(), HasSubstr("unknown key"));
}

TEST_F(ConfiguringTest, SilenceIsARefusal) {
  auto& conversation = configure("{}");
  conversation.tick(start_time + 5s);
  EXPECT_EQ(end().kind(), ErrorKind::timeout);
  EXPECT_THAT(end().detail(), HasSubstr("its configuration in time, which was sent as [{}]"));
}

TEST_F(ConfiguringTest, ARefusalWithoutReasonsIsQuoted) {
  for (
      const std::string_view answer :
      {R"({"version":2,"decision":{"block":{"status":400}},"audit":{"tags":["bad-tree"]},"correlation_id":"picket-configure"})",
       R"({"version":1,"decision":"allow","correlation_id":"picket-configure"})"}) {
    configure("{}");
    feed(raw_frame(FrameType::agent_response, answer));
    EXPECT_THAT(end().detail(), HasSubstr(answer));
  }
}

TEST_F(ConfiguringTest, AConnectionThatEndsOverItSaysSo) {
  auto& conversation = configure(R"({"a":1})");
  conversation.disconnected(base::fail(ErrorKind::connection_closed, "gone"));
  EXPECT_EQ(end().kind(), ErrorKind::connection_closed);
  EXPECT_THAT(end().detail(), HasSubstr(R"(gone; it had not accepted its configuration, which was sent as [{"a":1}])"));
}

TEST_F(ConfiguringTest, PingsAreAnsweredMeanwhile) {
  configure("{}");
  feed(raw_frame(FrameType::ping, "whatever"));
  EXPECT_EQ(written(), raw_frame(FrameType::pong, "whatever"));
}

TEST_F(ConfiguringTest, WhatElseTheAgentSaysMeanwhileIsHeardBeforeAnythingElse) {
  auto& conversation = configure("{}");
  feed(frame_of({}, wire::FlowControl{.action = wire::FlowAction::pause}));
  feed(frame_of({}, wire::MetricsReport{.agent_id = "a", .interval_ms = 7}) +
       frame_of({}, wire::HealthStatus{.agent_id = "a", .state = wire::HealthState::draining}) + accepts());
  ASSERT_NE(conversation.session(), nullptr);
  auto& session = *conversation.session();
  EXPECT_TRUE(session.paused());
  EXPECT_EQ(session.state(), ProxySession::State::draining);
  ASSERT_EQ(session.actions().size(), 4U);
  EXPECT_TRUE(std::holds_alternative<Ready>(session.actions()[0]));
  ASSERT_TRUE(std::holds_alternative<MetricsReported>(session.actions()[2]));
  EXPECT_EQ(std::get<MetricsReported>(session.actions()[2]).report->interval_ms, 7U);
}

TEST_F(ConfiguringTest, WhatElseItSaysMeanwhileIsBounded) {
  configure("{}");
  const std::string name(Configuring::most_kept / 4, 'a');
  for (int i = 0; i < 5 && !conversation().end(); ++i) feed(frame_of({}, wire::HealthStatus{.agent_id = name}));
  EXPECT_EQ(end().kind(), ErrorKind::message_too_large);
}

TEST_F(ConfiguringTest, ReportsOfMetricsAreLeftOutWhereTheyAreTooMuchSinceTheyComeAgain) {
  configure("{}");
  const std::string name(Configuring::most_kept / 4, 'a');
  for (int i = 0; i < 50; ++i) feed(frame_of({}, wire::MetricsReport{.agent_id = name}));
  EXPECT_FALSE(conversation().end());
}

TEST_F(ConfiguringTest, MessagesWithNothingInThemAreBoundedToo) {
  configure("{}");
  std::string empty;
  for (std::size_t i = 0; i < Configuring::most_kept / sizeof(EarlyFrame); ++i)
    empty += raw_frame(FrameType::flow_control, "");
  feed(empty);
  EXPECT_FALSE(conversation().end());
  feed(raw_frame(FrameType::flow_control, ""));
  EXPECT_EQ(end().kind(), ErrorKind::message_too_large);
}

TEST_F(ConfiguringTest, AnAnswerThatDoesNotNameItIsQuotedWhereNoneCame) {
  auto& conversation = configure("{}");
  feed(raw_frame(FrameType::agent_response, R"({"version":2,"decision":"allow"})"));
  EXPECT_FALSE(conversation.end());
  conversation.tick(start_time + 5s);
  EXPECT_THAT(end().detail(), HasSubstr(R"([{"version":2,"decision":"allow"}])"));
}

TEST_F(ConfiguringTest, AnAnswerThatDoesNotDecodeEndsTheConnection) {
  configure("{}");
  feed(raw_frame(FrameType::agent_response, "{"));
  EXPECT_EQ(end().kind(), ErrorKind::invalid_message);
}

// ---- the agent's end

class AgentHandshakeTest : public ::testing::Test {
 protected:
  Conversation<AgentSession>& start(AgentConfig config = {}) {
    config.info.agent_id = "test";
    end_.emplace(handshake(std::move(config)), start_time);
    return end_->conversation();
  }
  void shake_hands(std::vector<std::uint32_t> versions, std::vector<wire::Encoding> encodings = {},
                   std::vector<wire::Text> extensions = {}) {
    constexpr std::array<std::int32_t, 2> events{1, 99};
    feed(frame_of({}, wire::HandshakeRequest{.supported_versions = versions,
                                             .proxy_id = "p",
                                             .proxy_version = "1",
                                             .supported_encodings = encodings,
                                             .extensions = extensions,
                                             .events = events}));
  }
  void feed(std::string_view bytes) {
    fed_.emplace_back(bytes);
    end_->feed(fed_.back().view(), start_time);
  }
  wire::HandshakeResponse written() {
    const Padded& bytes = fed_.emplace_back(take_output(*end_));
    const auto peek = transport::peek_frame(bytes.view());
    EXPECT_TRUE(peek && peek->frame);
    return wire::decode<wire::HandshakeResponse>({}, peek->frame->payload, arena_).value();
  }

 private:
  std::optional<transport::StreamFraming<AgentSession>> end_;
  std::deque<Padded> fed_;
  base::Arena arena_;
};

TEST_F(AgentHandshakeTest, TakesTheProxysFirstEncodingAndOurExtensions) {
  auto& conversation = start();
  shake_hands({1, 2}, {wire::Encoding::msgpack, wire::Encoding::json},
              {wire::extension_raw_bytes, "some-other", wire::extension_one_way_complete, wire::extension_event_reply,
               extension_config_reply});
  const auto answer = written();
  EXPECT_TRUE(answer.success);
  EXPECT_EQ(answer.protocol_version, 2U);
  EXPECT_EQ(answer.encoding, wire::Encoding::msgpack);
  EXPECT_THAT(answer.extensions, ElementsAreArray(all_extensions));
  ASSERT_NE(conversation.session(), nullptr);
  EXPECT_EQ(conversation.session()->format(), (wire::Format{wire::Encoding::msgpack, true, true}));
  EXPECT_THAT(conversation.session()->announced_events(), ElementsAre(wire::EventKind::request_headers));
}

TEST_F(AgentHandshakeTest, ProxyThatNamesNoEncodingGetsJsonAndNoExtensions) {
  start();
  shake_hands({2});
  const auto answer = written();
  EXPECT_EQ(answer.encoding, wire::Encoding::json);
  EXPECT_TRUE(answer.extensions.empty());
}

TEST_F(AgentHandshakeTest, ARefusalIsAnsweredBeforeTheClose) {
  const struct {
    std::string bytes;
    ErrorKind kind;
    std::string_view says;
  } rows[] = {
      {frame_of({}, wire::HandshakeRequest{.supported_versions = std::array<std::uint32_t, 1>{99}}),
       ErrorKind::version_mismatch, "version"},
      {frame_of({}, wire::Ping{}), ErrorKind::invalid_message, "ping"},
      {raw_frame(FrameType::handshake_request, "{"), ErrorKind::invalid_message, ""},
  };
  for (const auto& row : rows) {
    auto& conversation = start();
    feed(row.bytes);
    ASSERT_TRUE(conversation.end());
    EXPECT_EQ(conversation.end()->kind(), row.kind);
    const auto answer = written();
    EXPECT_FALSE(answer.success);
    EXPECT_EQ(answer.protocol_version, 0U);
    ASSERT_TRUE(answer.error);
    EXPECT_THAT(*answer.error, HasSubstr(row.says));
  }
}

TEST_F(AgentHandshakeTest, ProxyThatNeverShakesHandsIsGivenUp) {
  auto& conversation = start({.handshake_timeout = 3s});
  EXPECT_EQ(conversation.next_wakeup(), start_time + 3s);
  conversation.tick(start_time + 3s);
  ASSERT_TRUE(conversation.end());
  EXPECT_EQ(conversation.end()->kind(), ErrorKind::timeout);
}

}  // namespace
}  // namespace picket::session
