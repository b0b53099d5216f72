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
  feed(answer(two_) + answer(one_));
  EXPECT_THAT(answered(session), ElementsAre(2U, 1U));
  EXPECT_EQ(session.in_flight(), 0U);
  EXPECT_EQ(session.exchanges(), 2U) << "until they are completed";
}

TEST_F(ProxySessionTest, IdInAuditCustomAloneIsEnough) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1));
  feed(raw_frame(FrameType::agent_response, R"({"version":2,"decision":"allow","audit":{"custom":{"correlation_id":")" +
                                                std::string{one_.text()} + R"("}}})"));
  EXPECT_THAT(answered(session), ElementsAre(1U));
}

TEST_F(ProxySessionTest, ForgedLateAndDuplicateAnswersAreCountedAndDropped) {
  auto& session = ready({.event_reply = true});
  ASSERT_TRUE(send_headers(session, one_, 1));
  const wire::ReplyTo headers{FrameType::request_headers, {}};
  feed(answer({0, 0, 0x9999}, headers));                                   // another random half
  feed(answer({5, 0, 0x1111}, headers));                                   // another slot
  feed(answer(one_, wire::ReplyTo{.type = FrameType::response_headers}));  // an event that is not in flight
  EXPECT_THAT(answered(session), ElementsAre());
  feed(answer(one_, headers) + answer(one_, headers));
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
  feed(answer(one_));
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
  feed(answer({0, 0, 0x9999}));
  EXPECT_EQ(unnamed(), 0) << "that may be late";
  const std::string said = R"({"request_id":7,"version":2,"decision":"allow"})";
  feed(raw_frame(FrameType::agent_response, said));
  feed(raw_frame(FrameType::agent_response, R"({"version":2,"decision":"allow","correlation_id":"42"})"));
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

TEST_F(ProxySessionTest, TheLateAnswerToAConfigurationThatAnotherReplacedDecidesNothing) {
  auto& session = ready();
  const auto given = [&](std::string_view config) {
    EXPECT_TRUE(session.configure(config));
    const std::string frame = written();
    constexpr std::string_view before = "\"correlation_id\":\"";
    const std::string id = frame.substr(frame.find(before) + before.size());
    return id.substr(0, id.find('"'));
  };
  const auto says = [&](const std::string& id, const wire::AgentResponse& answer = {}) {
    wire::AgentResponse response = answer;
    response.correlation_id = id;
    feed(frame_of({}, response));
  };
  const std::string first = given(R"({"level":1})");
  const std::string second = given(R"({"level":2})");
  says(first, {.decision = wire::Block{.status = 500}});
  EXPECT_TRUE(session.actions().size() == 1 && std::holds_alternative<Dropped>(session.actions()[0]))
      << "nobody is told that the agent answers what it was not asked";
  EXPECT_EQ(session.dropped().late, 1U);
  session.clear_actions();
  says(second);
  ASSERT_EQ(session.actions().size(), 1U);
  EXPECT_FALSE(std::get<Configured>(session.actions()[0]).refusal);
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
  const auto wrong = answer(one_, wire::ReplyTo{.type = FrameType::request_body_chunk, .index = 7});
  feed(wrong + wrong + answer(one_, wire::ReplyTo{.type = FrameType::request_body_chunk}));
  EXPECT_THAT(misfits(session), ElementsAre(Misfit::misnamed));
  EXPECT_THAT(answered(session), ElementsAre());
  EXPECT_EQ(session.dropped().mismatch, 3U);
}

TEST_F(ProxySessionTest, ASurplusAnswerIsToldOfAndOneAfterACancelIsNot) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1));
  feed(answer(one_) + answer(one_) + answer(one_));
  EXPECT_THAT(misfits(session), ElementsAre(Misfit::surplus));
  session.clear_actions();
  ASSERT_TRUE(send_headers(session, two_, 2));
  session.cancel(two_, wire::CancelReason::timeout, start_time);
  feed(answer(two_));
  EXPECT_THAT(misfits(session), ElementsAre());
}

TEST_F(ProxySessionTest, PeerWithoutEventReplyGetsOneEventOfAnExchangeAtATime) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1));
  ASSERT_TRUE(send_chunk(session, one_, 0, 2));
  ASSERT_TRUE(send_chunk(session, one_, 1, 3));
  EXPECT_THAT(types_of(take_output(session)), ElementsAre(FrameType::request_headers));
  feed(answer(one_));
  EXPECT_THAT(types_of(take_output(session)), ElementsAre(FrameType::request_body_chunk));
  feed(answer(one_));
  feed(answer(one_));
  EXPECT_THAT(answered(session), ElementsAre(1U, 2U, 3U));
}

TEST_F(ProxySessionTest, PeerWithEventReplyGetsThemAllAndAnswersInAnyOrder) {
  auto& session = ready({.event_reply = true, .encoding = wire::Encoding::msgpack});
  ASSERT_TRUE(send_headers(session, one_, 1));
  ASSERT_TRUE(send_chunk(session, one_, 0, 2));
  ASSERT_TRUE(send_chunk(session, one_, 1, 3));
  EXPECT_EQ(types_of(take_output(session)).size(), 3U);
  feed(answer(one_, wire::ReplyTo{.type = FrameType::request_body_chunk, .index = 1}));
  feed(answer(one_, wire::ReplyTo{.type = FrameType::request_headers}));
  EXPECT_THAT(answered(session), ElementsAre(3U, 1U));
  EXPECT_EQ(session.in_flight(), 1U);
}

TEST_F(ProxySessionTest, ResponseThatDoesNotDecodeEndsTheConnectionAndIsNeverAllow) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1));
  ASSERT_TRUE(send_headers(session, two_, 2));
  feed(raw_frame(FrameType::agent_response, R"({"version":2,"decision":"perhaps"})"));
  EXPECT_THAT(answered(session), ElementsAre());
  EXPECT_THAT(failed(session), ElementsAre(std::pair{Tag{1}, ErrorKind::invalid_message},
                                           std::pair{Tag{2}, ErrorKind::invalid_message}));
  EXPECT_TRUE(session.end());
}

TEST_F(ProxySessionTest, EventsAndCompletionsSayWhichExchangeTheyAreOf) {
  auto& session = ready();
  wire::RequestHeaders event{.metadata = {.correlation_id = "someone else's", .timestamp = "2026-01-01T00:00:00Z"}};
  ASSERT_TRUE(session.send(one_, &event, base::Deadline{start_time + 1s}, 1, start_time));
  session.complete(one_, {.correlation_id = "someone else's"}, start_time);
  const std::string bytes = take_output(session);
  EXPECT_THAT(bytes, HasSubstr(one_.text()));
  EXPECT_THAT(bytes, ::testing::Not(HasSubstr("someone else's")));
}

TEST_F(ProxySessionTest, DisconnectFailsEverythingAtOnce) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1));
  ASSERT_TRUE(send_chunk(session, one_, 0, 2));
  conversation().disconnected(base::fail(ErrorKind::connection_closed, "gone"));
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

TEST_F(ProxySessionTest, AnEventThatTheAgentWouldEndTheConnectionOverIsNotWritten) {
  wire::Output output;
  ProxyAgreement agreed{.config = std::make_shared<const ProxyConfig>(), .agent = {}, .terms = {}, .early = {}};
  agreed.agent.largest_event = 1000;
  ProxySession session{agreed, start_time, output};
  const auto status = send_chunk(session, one_, 0, 1, std::string(1000, 'b'));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind(), ErrorKind::message_too_large);
  EXPECT_EQ(output.size(), 0U);
  EXPECT_EQ(session.exchanges(), 0U);
  EXPECT_TRUE(send_chunk(session, one_, 0, 1, "small")) << "the connection is as good as before";
}

TEST_F(ProxySessionTest, AnExchangeIsReportedToAnAgentThatSawNothingOfIt) {
  auto& session = ready();
  session.report(one_, {.status = 200}, start_time);
  EXPECT_THAT(types_of(take_output(session)), ElementsAre(FrameType::request_complete));
  EXPECT_EQ(session.exchanges(), 0U);
  feed(frame_of({}, wire::AgentResponse{.correlation_id = one_.text()}));
  EXPECT_EQ(session.dropped().unknown, 0U) << "its answer is expected";
}

TEST_F(ProxySessionTest, NoAnswerIsExpectedToAOneWayCompletion) {
  auto& session = ready({.one_way_complete = true});
  session.report(one_, {.status = 200}, start_time);
  EXPECT_THAT(types_of(take_output(session)), ElementsAre(FrameType::request_complete));
  feed(answer(one_));
  EXPECT_EQ(session.dropped().unknown, 1U);
}

TEST_F(ProxySessionTest, AnExtensionThatWasNotOfferedIsNotTaken) {
  auto& session = ready({.raw_bytes = true, .event_reply = true, .one_way_complete = true}, {.extensions = false});
  EXPECT_EQ(session.format(), wire::Format{});
  session.report(one_, {.status = 200}, start_time);
  feed(frame_of({}, wire::AgentResponse{.correlation_id = one_.text()}));
  EXPECT_EQ(session.dropped().unknown, 0U) << "its answer is expected";
}

TEST_F(ProxySessionTest, ACompletionLeavesWithTheNextEventOrAfterAWhileAlone) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1));
  EXPECT_TRUE(session.output().urgent());
  (void)take_output(session);
  feed(answer(one_));
  session.complete(one_, {}, start_time);
  EXPECT_FALSE(session.output().urgent());
  EXPECT_EQ(session.next_wakeup(), start_time + Linger::longest);
  ASSERT_TRUE(send_headers(session, two_, 2));
  EXPECT_TRUE(session.output().urgent());
  EXPECT_THAT(types_of(take_output(session)), ElementsAre(FrameType::request_complete, FrameType::request_headers));

  session.tick(start_time + Linger::longest);
  session.complete(two_, {}, start_time + 100ms);
  (void)take_output(session);  // with two_'s cancel
  session.report(two_, {}, start_time + 100ms);
  session.tick(start_time + 100ms + Linger::longest - 1ms);
  EXPECT_FALSE(session.output().urgent());
  session.tick(start_time + 100ms + Linger::longest);
  EXPECT_TRUE(session.output().urgent());
}

TEST_F(ProxySessionTest, NothingIsReportedToAnAgentThatDidNotDeclareItAndMeansIt) {
  auto& session = ready({.event_reply = true, .events = {1}});
  session.report(one_, {}, start_time);
  EXPECT_EQ(take_output(session), "");
  auto& reference = ready({.events = {1}});
  reference.report(one_, {}, start_time);
  EXPECT_THAT(types_of(take_output(reference)), ElementsAre(FrameType::request_complete));
}

TEST_F(ProxySessionTest, PauseDrainAndResumeAreReported) {
  auto& session = ready();
  feed(frame_of({}, wire::FlowControl{.action = wire::FlowAction::pause}));
  EXPECT_TRUE(session.paused());
  feed(frame_of({}, wire::FlowControl{.action = wire::FlowAction::resume}));
  EXPECT_FALSE(session.paused());
  feed(frame_of({}, wire::HealthStatus{.agent_id = "a", .state = wire::HealthState::draining}));
  EXPECT_FALSE(session.takes_new());
  EXPECT_EQ(session.actions().size(), 3U);
}

TEST_F(ProxySessionTest, PauseOfAnExchangeIsThatExchangesAlone) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1));
  ASSERT_TRUE(send_headers(session, two_, 2));
  const auto say = [&](wire::FlowControl flow, base::TimePoint now) {
    session.clear_actions();
    flow.correlation_id = one_.text();
    feed(frame_of({}, flow), now);
    std::vector<base::TimePoint> told;
    for (const auto& action : session.actions()) {
      const auto& paused = std::get<ExchangePaused>(action);
      EXPECT_EQ(paused.id, one_);
      told.push_back(paused.until);
    }
    EXPECT_FALSE(session.paused());
    EXPECT_TRUE(session.takes_new());
    EXPECT_LE(session.paused_until(two_), now);
    return told;
  };
  const base::TimePoint soon = start_time + 5s;
  EXPECT_THAT(say({.action = wire::FlowAction::resume}, start_time), ElementsAre()) << "it was not paused";
  EXPECT_THAT(say({.action = wire::FlowAction::pause}, start_time), ElementsAre(start_time + 30s));
  EXPECT_EQ(session.paused_until(one_), start_time + 30s);
  EXPECT_THAT(say({.action = wire::FlowAction::update_capacity}, soon), ElementsAre(soon + 30s)) << "of 0 bytes";
  EXPECT_THAT(say({.action = wire::FlowAction::update_capacity, .buffer_available = 1}, soon), ElementsAre(soon));
  EXPECT_THAT(say({.action = wire::FlowAction::pause}, soon), ElementsAre(soon + 30s));
  session.cancel(one_, wire::CancelReason::client_disconnect, soon);
  EXPECT_LE(session.paused_until(one_), soon) << "nothing more comes of it";
  EXPECT_THAT(say({.action = wire::FlowAction::pause}, soon), ElementsAre());
  session.complete(one_, {}, soon);
  EXPECT_THAT(say({.action = wire::FlowAction::pause}, soon), ElementsAre()) << "nor of one that is over";
}

TEST_F(ProxySessionTest, PauseEndsByItselfWhereTheAgentForgetsTo) {
  auto& session = ready({}, {.ping_interval = 1h});
  feed(frame_of({}, wire::FlowControl{.action = wire::FlowAction::pause}));
  feed(frame_of({}, wire::FlowControl{.action = wire::FlowAction::pause}), start_time + 20s);
  EXPECT_EQ(session.next_wakeup(), start_time + 50s) << "the second lasts as long as one may";
  conversation().tick(start_time + 50s - 1ns);
  EXPECT_TRUE(session.paused());
  session.clear_actions();
  conversation().tick(start_time + 50s);
  EXPECT_FALSE(session.paused());
  ASSERT_EQ(session.actions().size(), 1U);
  EXPECT_FALSE(std::get<FlowChanged>(session.actions()[0]).paused);
}

TEST_F(ProxySessionTest, HealthIsKeptAndToldWithTheMessageUntilItIsNotValidAnyMore) {
  auto& session = ready({}, {.ping_interval = 1h});
  feed(frame_of({}, wire::HealthStatus{.agent_id = "a",
                                       .state = wire::HealthState::unhealthy,
                                       .load = wire::Load{.queue_depth = 3},
                                       .valid_until_ms = 10'000,
                                       .timestamp_ms = 8'000}));
  EXPECT_FALSE(session.takes_new());
  EXPECT_EQ(session.health().load->queue_depth, 3U);
  ASSERT_EQ(session.actions().size(), 1U);
  const auto& said = std::get<HealthChanged>(session.actions()[0]);
  EXPECT_EQ(said.before, wire::HealthState::healthy);
  EXPECT_EQ(said.status->load->queue_depth, 3U);
  session.clear_actions();
  EXPECT_EQ(session.next_wakeup(), start_time + 2s);
  conversation().tick(start_time + 2s);
  EXPECT_TRUE(session.takes_new());
  ASSERT_EQ(session.actions().size(), 1U);
  const auto& over = std::get<HealthChanged>(session.actions()[0]);
  EXPECT_EQ(over.before, wire::HealthState::unhealthy);
  EXPECT_EQ(over.status->state, wire::HealthState::healthy);
  EXPECT_EQ(session.health().state, wire::HealthState::healthy);
}

TEST_F(ProxySessionTest, ARequestForAnotherConfigurationIsAnsweredWhereThatWasAgreed) {
  for (const bool agreed : {false, true}) {
    auto& session = ready({.config_reply = agreed});
    feed(frame_of({}, wire::ConfigUpdateRequest{.update = wire::RequestReload{}, .request_id = "r1"}));
    ASSERT_EQ(session.actions().size(), 1U);
    EXPECT_EQ(std::get<ConfigUpdateRequested>(session.actions()[0]).request->request_id, "r1");
    session.answer("r1", base::fail(ErrorKind::unavailable, "not now"), start_time);
    const std::string said = written();
    if (!agreed) {
      EXPECT_EQ(said, "");
      continue;
    }
    base::Arena arena;
    const auto peek = transport::peek_frame(said);
    ASSERT_TRUE(peek && peek->frame);
    EXPECT_EQ(peek->frame->type, FrameType::config_update_response);
    const Padded payload{peek->frame->payload};
    const auto response = wire::decode<wire::ConfigUpdateResponse>({}, payload.view(), arena);
    ASSERT_TRUE(response);
    EXPECT_EQ(response->request_id, "r1");
    EXPECT_FALSE(response->accepted);
    EXPECT_EQ(response->error, "not now");
  }
}

TEST_F(ProxySessionTest, OneThatIsRetiredTakesNothingNewWhateverTheAgentSaysLater) {
  auto& session = ready();
  session.retire();
  EXPECT_EQ(session.state(), ProxySession::State::draining);
  feed(frame_of({}, wire::HealthStatus{.agent_id = "a", .state = wire::HealthState::healthy}));
  EXPECT_FALSE(session.takes_new());
  EXPECT_TRUE(session.is_leaving());
}

TEST_F(ProxySessionTest, AgentMayNotSendWhatIsAProxysToSend) {
  auto& session = ready();
  feed(frame_of({}, wire::Cancel{.correlation_id = one_.text()}));
  ASSERT_TRUE(session.end());
  EXPECT_EQ(session.end()->kind(), ErrorKind::invalid_message);
}

}  // namespace
}  // namespace picket::session
