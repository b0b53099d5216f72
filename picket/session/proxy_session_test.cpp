#include "picket/session/proxy_session.hpp"

#include <algorithm>
#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picket/session/testing/proxy_session.hpp"

namespace picket::session {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using base::ErrorKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using wire::FrameType;

// ---- handshake

TEST_F(ProxySessionTest, HandshakeIsTheFirstThingWritten) {
  ProxySession session{{}, start_time};
  EXPECT_THAT(types_of(take_output(session)), ElementsAre(FrameType::handshake_request));
}

TEST_F(ProxySessionTest, ReadyOnceTheAgentAnswers) {
  auto& session = start();
  answer_handshake(session, {.raw_bytes = true, .event_reply = true, .encoding = wire::Encoding::msgpack});
  ASSERT_EQ(session.actions().size(), 1U);
  EXPECT_TRUE(std::holds_alternative<Ready>(session.actions()[0]));
  EXPECT_EQ(session.format(), (wire::Format{wire::Encoding::msgpack, true, true}));
  EXPECT_TRUE(session.agent().wants(wire::EventKind::configure)) << "announced as 8";
  EXPECT_FALSE(session.agent().wants(wire::EventKind::websocket_frame));
}

TEST_F(ProxySessionTest, NothingIsSentBeforeTheHandshakeIsAnswered) {
  auto& session = start();
  const auto status = send_headers(session, one_, 1);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind(), ErrorKind::unavailable);
  EXPECT_EQ(session.in_flight(), 0U);
}

TEST_F(ProxySessionTest, BadHandshakesEndTheConnectionWithTheirReason) {
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
    auto& session = start();
    feed(session, row.bytes);
    ASSERT_TRUE(session.end()) << row.says;
    EXPECT_EQ(session.end()->kind(), row.kind) << session.end()->message();
    EXPECT_THAT(session.end()->detail(), HasSubstr(row.says));
    EXPECT_TRUE(std::holds_alternative<Closed>(session.actions().back()));
  }
}

TEST_F(ProxySessionTest, AgentThatDoesNotAnswerTheHandshakeIsGivenUp) {
  auto& session = start({.handshake_timeout = 2s});
  EXPECT_EQ(session.next_wakeup(), start_time + 2s);
  session.tick(start_time + 1999ms);
  EXPECT_FALSE(session.end());
  session.tick(start_time + 2s);
  ASSERT_TRUE(session.end());
  EXPECT_EQ(session.end()->kind(), ErrorKind::timeout);
}

TEST_F(ProxySessionTest, ConnectionIsUsedOnlyOnceItsConfigurationIsAccepted) {
  for (const bool accepts : {true, false}) {
    auto& session = start({.config_json = R"({"paranoia-level":2})"});
    answer_handshake(session);
    EXPECT_EQ(session.state(), ProxySession::State::configuring);
    EXPECT_THAT(types_of(take_output(session)), ElementsAre(FrameType::configure));
    EXPECT_FALSE(send_headers(session, one_, 1));
    wire::AgentResponse response{.correlation_id = "picket-configure"};
    if (!accepts) response.decision = wire::Block{.status = 400, .body = "unknown key"};
    feed(session, frame_of({}, response));
    EXPECT_EQ(session.state(), accepts ? ProxySession::State::ready : ProxySession::State::closed);
    if (!accepts) {
      EXPECT_THAT(session.end()->detail(), HasSubstr("unknown key"));
      EXPECT_THAT(session.end()->detail(), HasSubstr(R"([{"paranoia-level":2}])")) << "what it refused";
    }
  }
}

TEST_F(ProxySessionTest, SilenceToAConfigurationIsARefusal) {
  auto& session = start({.config_json = "{}", .configure_timeout = 5s});
  answer_handshake(session);
  session.tick(start_time + 5s);
  ASSERT_TRUE(session.end());
  EXPECT_THAT(session.end()->detail(), HasSubstr("its configuration in time, which was sent as [{}]"));
}

TEST_F(ProxySessionTest, ARefusalWithoutReasonsIsQuoted) {
  for (
      const std::string_view answer :
      {R"({"version":2,"decision":{"block":{"status":400}},"audit":{"tags":["bad-tree"]},"correlation_id":"picket-configure"})",
       R"({"version":1,"decision":"allow","correlation_id":"picket-configure"})"}) {
    auto& session = start({.config_json = "{}"});
    answer_handshake(session);
    feed(session, raw_frame(FrameType::agent_response, answer));
    ASSERT_TRUE(session.end()) << answer;
    EXPECT_THAT(session.end()->detail(), HasSubstr(answer));
  }
}

TEST_F(ProxySessionTest, AConnectionThatEndsOverItsConfigurationSaysSo) {
  auto& session = start({.config_json = R"({"a":1})"});
  answer_handshake(session);
  session.disconnected(base::fail(ErrorKind::connection_closed, "gone"));
  EXPECT_EQ(session.end()->kind(), ErrorKind::connection_closed);
  EXPECT_THAT(session.end()->detail(),
              HasSubstr(R"(gone; it had not accepted its configuration, which was sent as [{"a":1}])"));
}

TEST_F(ProxySessionTest, WhatAnAgentDeclaresIsExactWhereItAgreedToAnExtension) {
  using enum wire::EventKind;
  const ProxyConfig config{.events = {request_headers, request_body_chunk, request_complete}};
  const Peer reference{.events = {1}};
  {
    auto& session = ready(reference, config);
    EXPECT_TRUE(session.takes(request_body_chunk)) << "the operator's word counts";
    EXPECT_THAT(session.undeclared(), ElementsAre(request_body_chunk)) << "request_complete decides nothing";
    EXPECT_FALSE(session.means_its_list());
  }
  for (const Peer& peer : {Peer{.raw_bytes = true, .events = {1}}, Peer{.event_reply = true, .events = {1}},
                           Peer{.one_way_complete = true, .events = {1}}}) {
    auto& session = ready(peer, config);
    EXPECT_FALSE(session.takes(request_body_chunk));
    EXPECT_THAT(session.undeclared(), ElementsAre(request_body_chunk));
    EXPECT_TRUE(session.means_its_list());
  }
  ProxyConfig at_its_word = config;
  at_its_word.declared_events_only = true;
  EXPECT_FALSE(ready(reference, at_its_word).takes(request_body_chunk));
  EXPECT_THAT(ready({.event_reply = true}, config).undeclared(), ElementsAre());
}

// ---- events and answers

TEST_F(ProxySessionTest, AnswersReachTheirOwnExchangeInAnyOrder) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1));
  ASSERT_TRUE(send_headers(session, two_, 2));
  feed(session, answer(two_) + answer(one_));
  EXPECT_THAT(answered(session), ElementsAre(2U, 1U));
  EXPECT_EQ(session.in_flight(), 0U);
  EXPECT_EQ(session.exchanges(), 2U) << "until they are completed";
}

TEST_F(ProxySessionTest, IdInAuditCustomAloneIsEnough) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1));
  feed(session,
       raw_frame(FrameType::agent_response, R"({"version":2,"decision":"allow","audit":{"custom":{"correlation_id":")" +
                                                std::string{one_.text()} + R"("}}})"));
  EXPECT_THAT(answered(session), ElementsAre(1U));
}

TEST_F(ProxySessionTest, ForgedLateAndDuplicateAnswersAreCountedAndDropped) {
  auto& session = ready({.event_reply = true});
  ASSERT_TRUE(send_headers(session, one_, 1));
  const wire::ReplyTo headers{FrameType::request_headers, {}};
  feed(session, answer({0, 0, 0x9999}, headers));                               // another random half
  feed(session, answer({5, 0, 0x1111}, headers));                               // another slot
  feed(session, answer(one_, wire::ReplyTo{FrameType::response_headers, {}}));  // an event that is not in flight
  EXPECT_THAT(answered(session), ElementsAre());
  feed(session, answer(one_, headers) + answer(one_, headers));
  EXPECT_THAT(answered(session), ElementsAre(1U));
  EXPECT_EQ(session.dropped().unknown, 2U);
  EXPECT_EQ(session.dropped().mismatch, 1U);
  EXPECT_EQ(session.dropped().late, 1U);
  EXPECT_FALSE(session.end());
}

TEST_F(ProxySessionTest, AnAnswerThatDoesNotNameItsEventBreaksWhatEventReplyPromises) {
  auto& session = ready({.event_reply = true});
  ASSERT_TRUE(send_headers(session, one_, 1));
  ASSERT_TRUE(send_chunk(session, one_, 0, 2));
  feed(session, answer(one_));
  EXPECT_THAT(answered(session), ElementsAre()) << "it may be about the chunk";
  ASSERT_TRUE(session.end());
  EXPECT_EQ(session.end()->kind(), ErrorKind::invalid_message);
}

TEST_F(ProxySessionTest, AnswersThatNameNoExchangeAreQuotedOnce) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1));
  const auto unnamed = [&] {
    return std::ranges::count_if(session.actions(),
                                 [](const auto& action) { return std::holds_alternative<Unmatched>(action); });
  };
  feed(session, answer({0, 0, 0x9999}));
  EXPECT_EQ(unnamed(), 0) << "that may be late";
  const std::string said = R"({"request_id":7,"version":2,"decision":"allow"})";
  feed(session, raw_frame(FrameType::agent_response, said));
  feed(session, raw_frame(FrameType::agent_response, R"({"version":2,"decision":"allow","correlation_id":"42"})"));
  ASSERT_EQ(unnamed(), 1);
  EXPECT_EQ(session.dropped().unknown, 3U);
  for (const auto& action : session.actions())
    if (const auto* const found = std::get_if<Unmatched>(&action)) {
      EXPECT_EQ(found->misfit, Misfit::unnamed);
      EXPECT_EQ(found->said, "[" + said + "]");
    }
  EXPECT_THAT(answered(session), ElementsAre());
  EXPECT_FALSE(session.end());
}

std::vector<Misfit> misfits(ProxySession& session) {
  std::vector<Misfit> found;
  for (const auto& action : session.actions())
    if (const auto* const unmatched = std::get_if<Unmatched>(&action)) found.push_back(unmatched->misfit);
  return found;
}

TEST_F(ProxySessionTest, AnswersThatFitNoEventAreToldOfOnce) {
  auto& session = ready({.event_reply = true});
  ASSERT_TRUE(send_headers(session, one_, 1));
  ASSERT_TRUE(send_chunk(session, one_, 0, 2));
  const auto wrong = answer(one_, wire::ReplyTo{FrameType::request_body_chunk, 7, {}});
  feed(session, wrong + wrong + answer(one_, wire::ReplyTo{FrameType::request_body_chunk, {}, {}}));
  EXPECT_THAT(misfits(session), ElementsAre(Misfit::misnamed));
  EXPECT_THAT(answered(session), ElementsAre());
  EXPECT_EQ(session.dropped().mismatch, 3U);
}

TEST_F(ProxySessionTest, ASurplusAnswerIsToldOfAndOneAfterACancelIsNot) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1));
  feed(session, answer(one_) + answer(one_) + answer(one_));
  EXPECT_THAT(misfits(session), ElementsAre(Misfit::surplus));
  session.clear_actions();
  ASSERT_TRUE(send_headers(session, two_, 2));
  session.cancel(two_, wire::CancelReason::timeout, start_time);
  feed(session, answer(two_));
  EXPECT_THAT(misfits(session), ElementsAre());
}

TEST_F(ProxySessionTest, PeerWithoutEventReplyGetsOneEventOfAnExchangeAtATime) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1));
  ASSERT_TRUE(send_chunk(session, one_, 0, 2));
  ASSERT_TRUE(send_chunk(session, one_, 1, 3));
  EXPECT_THAT(types_of(take_output(session)), ElementsAre(FrameType::request_headers));
  feed(session, answer(one_));
  EXPECT_THAT(types_of(take_output(session)), ElementsAre(FrameType::request_body_chunk));
  feed(session, answer(one_));
  feed(session, answer(one_));
  EXPECT_THAT(answered(session), ElementsAre(1U, 2U, 3U));
}

TEST_F(ProxySessionTest, PeerWithEventReplyGetsThemAllAndAnswersInAnyOrder) {
  auto& session = ready({.event_reply = true, .encoding = wire::Encoding::msgpack});
  ASSERT_TRUE(send_headers(session, one_, 1));
  ASSERT_TRUE(send_chunk(session, one_, 0, 2));
  ASSERT_TRUE(send_chunk(session, one_, 1, 3));
  EXPECT_EQ(types_of(take_output(session)).size(), 3U);
  feed(session, answer(one_, wire::ReplyTo{FrameType::request_body_chunk, 1}));
  feed(session, answer(one_, wire::ReplyTo{FrameType::request_headers, {}}));
  EXPECT_THAT(answered(session), ElementsAre(3U, 1U));
  EXPECT_EQ(session.in_flight(), 1U);
}

TEST_F(ProxySessionTest, ResponseThatDoesNotDecodeEndsTheConnectionAndIsNeverAllow) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1));
  ASSERT_TRUE(send_headers(session, two_, 2));
  feed(session, raw_frame(FrameType::agent_response, R"({"version":2,"decision":"perhaps"})"));
  EXPECT_THAT(answered(session), ElementsAre());
  EXPECT_THAT(failed(session), ElementsAre(std::pair{Tag{1}, ErrorKind::invalid_message},
                                           std::pair{Tag{2}, ErrorKind::invalid_message}));
  EXPECT_TRUE(session.end());
}

TEST_F(ProxySessionTest, EventWithAnotherIdThanItsExchangeIsRefused) {
  auto& session = ready();
  wire::RequestHeaders event;
  event.metadata.correlation_id = "someone else's";
  EXPECT_FALSE(session.send(one_, event, base::Deadline{start_time + 1s}, 1, start_time));
  EXPECT_EQ(session.exchanges(), 0U);
}

TEST_F(ProxySessionTest, DisconnectFailsEverythingAtOnce) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1));
  ASSERT_TRUE(send_chunk(session, one_, 0, 2));
  session.disconnected(base::fail(ErrorKind::connection_closed, "gone"));
  EXPECT_THAT(failed(session), ElementsAre(std::pair{Tag{1}, ErrorKind::connection_closed},
                                           std::pair{Tag{2}, ErrorKind::connection_closed}));
  EXPECT_EQ(session.next_wakeup(), base::TimePoint::max());
}

// ---- memory and flow

TEST_F(ProxySessionTest, BorrowedBodyIsLetGoWhenItsEventEnds) {
  auto& session = ready({.raw_bytes = true, .encoding = wire::Encoding::msgpack});
  std::string body(100'000, 'b');
  ASSERT_TRUE(send_chunk(session, one_, 0, 1, body));
  EXPECT_TRUE(session.output().borrows());
  session.output().consume(5000);  // half written
  session.tick(start_time + 1s);
  EXPECT_FALSE(session.output().borrows());
  body.assign(body.size(), '!');
  const std::string rest = session.output().flatten();
  EXPECT_GT(std::ranges::count(rest, 'b'), 94'000);
  EXPECT_EQ(std::ranges::count(rest, '!'), 0);
}

TEST_F(ProxySessionTest, AgentThatDoesNotReadIsNotFedWithoutEnd) {
  auto& session = ready({}, {.max_output = 10'000});
  const std::string body(8'000, 'b');
  ASSERT_TRUE(send_chunk(session, one_, 0, 1, body));
  EXPECT_TRUE(session.full());
  const auto status = send_chunk(session, two_, 0, 2, body);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind(), ErrorKind::unavailable);
}

TEST_F(ProxySessionTest, AnExchangeIsReportedToAnAgentThatSawNothingOfIt) {
  auto& session = ready();
  session.report({.correlation_id = one_.text(), .status = 200}, start_time);
  EXPECT_THAT(types_of(take_output(session)), ElementsAre(FrameType::request_complete));
  EXPECT_EQ(session.exchanges(), 0U);
  feed(session, frame_of({}, wire::AgentResponse{.correlation_id = one_.text()}));
  EXPECT_EQ(session.dropped().unknown, 0U) << "its answer is expected";
}

TEST_F(ProxySessionTest, NoAnswerIsExpectedToAOneWayCompletion) {
  auto& session = ready({.one_way_complete = true});
  session.report({.correlation_id = one_.text(), .status = 200}, start_time);
  EXPECT_THAT(types_of(take_output(session)), ElementsAre(FrameType::request_complete));
  feed(session, answer(one_));
  EXPECT_EQ(session.dropped().unknown, 1U);
}

TEST_F(ProxySessionTest, AnExtensionThatWasNotOfferedIsNotTaken) {
  auto& session = ready({.raw_bytes = true, .event_reply = true, .one_way_complete = true}, {.extensions = false});
  EXPECT_EQ(session.format(), wire::Format{});
  session.report({.correlation_id = one_.text(), .status = 200}, start_time);
  feed(session, frame_of({}, wire::AgentResponse{.correlation_id = one_.text()}));
  EXPECT_EQ(session.dropped().unknown, 0U) << "its answer is expected";
}

TEST_F(ProxySessionTest, ACompletionLeavesWithTheNextEventOrAfterAWhileAlone) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1));
  EXPECT_TRUE(session.output().urgent());
  (void)take_output(session);
  feed(session, answer(one_));
  session.complete(one_, {.correlation_id = one_.text()}, start_time);
  EXPECT_FALSE(session.output().urgent());
  EXPECT_EQ(session.next_wakeup(), start_time + Linger::longest);
  ASSERT_TRUE(send_headers(session, two_, 2));
  EXPECT_TRUE(session.output().urgent());
  EXPECT_THAT(types_of(take_output(session)), ElementsAre(FrameType::request_complete, FrameType::request_headers));

  session.tick(start_time + Linger::longest);
  session.complete(two_, {.correlation_id = two_.text()}, start_time + 100ms);
  (void)take_output(session);  // with two_'s cancel
  session.report({.correlation_id = two_.text()}, start_time + 100ms);
  session.tick(start_time + 100ms + Linger::longest - 1ms);
  EXPECT_FALSE(session.output().urgent());
  session.tick(start_time + 100ms + Linger::longest);
  EXPECT_TRUE(session.output().urgent());
}

TEST_F(ProxySessionTest, NothingIsReportedToAnAgentThatDidNotDeclareItAndMeansIt) {
  auto& session = start();
  session.report({.correlation_id = one_.text()}, start_time);
  answer_handshake(session, {.event_reply = true, .events = {1}});
  session.report({.correlation_id = one_.text()}, start_time);
  EXPECT_EQ(take_output(session), "");
  auto& reference = ready({.events = {1}});
  reference.report({.correlation_id = one_.text()}, start_time);
  EXPECT_THAT(types_of(take_output(reference)), ElementsAre(FrameType::request_complete));
}

TEST_F(ProxySessionTest, PauseDrainAndResumeAreReported) {
  auto& session = ready();
  feed(session, frame_of({}, wire::FlowControl{.action = wire::FlowAction::pause}));
  EXPECT_TRUE(session.paused());
  feed(session, frame_of({}, wire::FlowControl{.action = wire::FlowAction::resume}));
  EXPECT_FALSE(session.paused());
  feed(session, frame_of({}, wire::HealthStatus{.agent_id = "a", .state = wire::HealthState::draining}));
  EXPECT_FALSE(session.takes_new());
  EXPECT_EQ(session.actions().size(), 3U);
}

TEST_F(ProxySessionTest, AgentMayNotSendWhatIsAProxysToSend) {
  auto& session = ready();
  feed(session, frame_of({}, wire::Cancel{.correlation_id = one_.text()}));
  ASSERT_TRUE(session.end());
  EXPECT_EQ(session.end()->kind(), ErrorKind::invalid_message);
}

}  // namespace
}  // namespace picket::session
