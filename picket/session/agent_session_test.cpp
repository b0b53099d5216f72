#include "picket/session/agent_session.hpp"

#include <array>
#include <deque>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picket/session/testing/frames.hpp"

namespace picket::session {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using base::ErrorKind;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using wire::FrameType;

class AgentSessionTest : public ::testing::Test {
 protected:
  AgentSession& open(std::vector<wire::Encoding> encodings = {wire::Encoding::msgpack},
                     std::vector<wire::Text> extensions = {}, AgentConfig config = {}) {
    config.info.agent_id = "test";
    end_.emplace(handshake(std::move(config)), start_time);
    shake_hands(std::move(encodings), std::move(extensions));
    AgentSession& session = *end_->conversation().session();
    (void)take_output(session);
    session.clear_actions();
    return session;
  }
  void shake_hands(std::vector<wire::Encoding> encodings = {}, std::vector<wire::Text> extensions = {}) {
    constexpr std::array<std::uint32_t, 1> versions{2};
    feed(frame_of({}, wire::HandshakeRequest{.supported_versions = versions,
                                             .proxy_id = "p",
                                             .proxy_version = "1",
                                             .supported_encodings = encodings,
                                             .extensions = extensions}));
  }
  void feed(std::string_view bytes, base::TimePoint now = start_time) {
    fed_.emplace_back(bytes);
    end_->feed(fed_.back().view(), now);
  }
  [[nodiscard]] std::size_t memory() const { return end_->memory(); }
  std::string headers(std::string_view id, const wire::Format& format = {wire::Encoding::msgpack}) {
    return frame_of(
        format,
        wire::RequestHeaders{
            .metadata = {.correlation_id = id, .timestamp = "2026-01-01T00:00:00Z"}, .method = "GET", .uri = "/"});
  }
  static std::vector<EventRef> arrived(AgentSession& session) {
    std::vector<EventRef> refs;
    for (const auto& action : session.actions())
      if (const auto* const found = std::get_if<Arrived>(&action)) refs.push_back(found->ref);
    return refs;
  }
  static std::vector<EndReason> ended(AgentSession& session) {
    std::vector<EndReason> reasons;
    for (const auto& action : session.actions())
      if (const auto* const found = std::get_if<Ended>(&action)) reasons.push_back(found->reason);
    return reasons;
  }
  /// The only frame that the session wrote, as a message.
  template <class Message>
  Message written(AgentSession& session, const wire::Format& format = {}) {
    const Padded& bytes = fed_.emplace_back(take_output(session));
    const auto peek = transport::peek_frame(bytes.view());
    EXPECT_TRUE(peek && peek->frame);
    auto message = wire::decode<Message>(format, peek->frame->payload, arena_);
    EXPECT_TRUE(message) << message.error().message();
    return *message;
  }

 private:
  std::optional<transport::StreamFraming<AgentSession>> end_;
  std::deque<Padded> fed_;
  base::Arena arena_;
};

TEST_F(AgentSessionTest, AnAnswersBytesAreItsOwnersAgainAtOnce) {
  const wire::Format format{wire::Encoding::msgpack, true, true};
  auto& session = open({wire::Encoding::msgpack}, {wire::extension_raw_bytes, wire::extension_event_reply});
  feed(frame_of(format, wire::RequestBodyChunk{.correlation_id = "one", .data = base::as_bytes("x")}));
  std::string replacement(10'000, 'r');
  ASSERT_TRUE(session.respond(arrived(session).at(0),
                              {.request_body_mutation = wire::BodyMutation{.data = base::as_bytes(replacement)}},
                              start_time));
  replacement.assign(replacement.size(), '?');
  EXPECT_FALSE(session.output().borrows());
  EXPECT_EQ(base::as_text(*written<wire::AgentResponse>(session, format).request_body_mutation->data),
            std::string(10'000, 'r'));
}

TEST_F(AgentSessionTest, EveryEventIsAnsweredOnceWithItsOwnId) {
  auto& session = open();
  feed(headers("a") + headers("b"));
  const auto refs = arrived(session);
  ASSERT_EQ(refs.size(), 2U);
  EXPECT_TRUE(session.respond(refs[1], {}, start_time));
  const auto answer = written<wire::AgentResponse>(session, session.format());
  EXPECT_EQ(answer.correlation_id, "b");
  EXPECT_FALSE(session.respond(refs[1], {}, start_time)) << "answered before";
  EXPECT_TRUE(session.respond(refs[0], {}, start_time));
  EXPECT_EQ(session.unanswered(), 0U);
}

TEST_F(AgentSessionTest, WithEventReplyTheAnswerNamesItsEvent) {
  auto& session = open({wire::Encoding::msgpack}, {wire::extension_event_reply});
  const wire::RequestBodyChunk chunk{.correlation_id = "a", .chunk_index = 7};
  feed(frame_of(session.format(), chunk));
  ASSERT_TRUE(session.respond(arrived(session)[0], {}, start_time));
  const auto answer = written<wire::AgentResponse>(session, session.format());
  EXPECT_EQ(answer.reply_to, (wire::ReplyTo{.type = FrameType::request_body_chunk, .index = 7}));
}

TEST_F(AgentSessionTest, EventThatDoesNotDecodeEndsTheConnectionAndIsNeverAllow) {
  auto& session = open();
  feed(headers("a") + raw_frame(FrameType::request_headers, "\xc1"));
  ASSERT_TRUE(session.end());
  EXPECT_EQ(session.end()->kind(), ErrorKind::invalid_message);
  EXPECT_THAT(session.end()->detail(), HasSubstr("request_headers"));
  EXPECT_EQ(take_output(session), "");
  EXPECT_THAT(ended(session), ElementsAre(EndReason::disconnected));
}

TEST_F(AgentSessionTest, CancelEndsTheExchangeAndLateAnswersAreDropped) {
  auto& session = open();
  feed(headers("a"));
  const auto ref = arrived(session)[0];
  feed(frame_of({}, wire::Cancel{.correlation_id = "a", .reason = wire::CancelReason::timeout}));
  EXPECT_THAT(ended(session), ElementsAre(EndReason::timed_out));
  EXPECT_FALSE(session.live(ref));
  EXPECT_FALSE(session.respond(ref, {}, start_time));
  EXPECT_EQ(session.unanswered(), 0U);
  EXPECT_EQ(take_output(session), "");
}

TEST_F(AgentSessionTest, CompleteEndsTheExchangeOnceItIsAnswered) {
  auto& session = open();
  feed(headers("a"));
  ASSERT_TRUE(session.respond(arrived(session)[0], {}, start_time));
  session.clear_actions();
  feed(frame_of(session.format(), wire::RequestComplete{.correlation_id = "a"}));
  EXPECT_EQ(session.exchanges(), 1U);
  ASSERT_TRUE(session.respond(arrived(session)[0], {}, start_time));
  EXPECT_EQ(session.exchanges(), 0U);
}

TEST_F(AgentSessionTest, ExchangesThatAreNeverCompletedExpire) {
  auto& session = open({wire::Encoding::msgpack}, {}, {.exchange_ttl = 10s});
  feed(headers("a"));
  ASSERT_TRUE(session.respond(arrived(session)[0], {}, start_time));
  EXPECT_EQ(session.next_wakeup(), start_time + 10s);
  session.tick(start_time + 9s);
  EXPECT_EQ(session.exchanges(), 1U);
  session.tick(start_time + 10s);
  EXPECT_EQ(session.exchanges(), 0U);
  EXPECT_THAT(ended(session), ElementsAre(EndReason::expired));
}

TEST_F(AgentSessionTest, ExchangesOfAProxyThatCompletesThemLiveAsLongAsItHoldsThem) {
  auto& session = open({wire::Encoding::msgpack}, {wire::extension_one_way_complete}, {.exchange_ttl = 10s});
  feed(headers("a"));
  ASSERT_TRUE(session.respond(arrived(session)[0], {}, start_time));
  session.clear_actions();
  session.tick(start_time + 24h);
  EXPECT_EQ(session.exchanges(), 1U);
  EXPECT_THAT(ended(session), ElementsAre());
  feed(frame_of(session.format(), wire::RequestBodyChunk{.correlation_id = "a"}));
  EXPECT_EQ(arrived(session).size(), 1U);
}

TEST_F(AgentSessionTest, AForgottenExchangeIsBlockedNotBegunAnewAndNotLeftUnanswered) {
  for (const std::uint32_t index : {0U, 3U}) {
    auto& session = open({wire::Encoding::msgpack}, {wire::extension_event_reply}, {.exchange_ttl = 10s});
    feed(headers("a"));
    ASSERT_TRUE(session.respond(arrived(session)[0], {}, start_time));
    session.tick(start_time + 10s);
    session.clear_actions();
    (void)take_output(session);
    feed(frame_of(session.format(), wire::RequestBodyChunk{.correlation_id = "a", .chunk_index = index}));
    EXPECT_EQ(arrived(session).size(), 0U);
    EXPECT_EQ(session.exchanges(), 0U);
    const auto answer = written<wire::AgentResponse>(session, session.format());
    EXPECT_EQ(answer.correlation_id, "a");
    EXPECT_EQ(answer.reply_to, (wire::ReplyTo{.type = FrameType::request_body_chunk, .index = index}));
    ASSERT_TRUE(std::holds_alternative<wire::Block>(answer.decision));
    EXPECT_EQ(std::get<wire::Block>(answer.decision).status, 503);
    EXPECT_THAT(answer.audit.reason_codes, ElementsAre("exchange-forgotten"));
    feed(headers("b"));  // what begins anew is served
    EXPECT_EQ(arrived(session).size(), 1U);
  }
}

TEST_F(AgentSessionTest, ExchangesAreBoundedByForgettingTheLongestIdle) {
  auto& session = open({wire::Encoding::msgpack}, {}, {.max_exchanges = 3});
  for (const auto* id : {"a", "b", "c", "d"}) {
    session.clear_actions();
    feed(headers(id));
    ASSERT_EQ(arrived(session).size(), 1U);
    ASSERT_TRUE(session.respond(arrived(session)[0], {}, start_time));
  }
  EXPECT_EQ(session.exchanges(), 3U);
  EXPECT_THAT(ended(session), ElementsAre(EndReason::expired));
}

TEST_F(AgentSessionTest, TooManyUnansweredExchangesEndTheConnection) {
  auto& session = open({wire::Encoding::msgpack}, {}, {.max_exchanges = 2});
  feed(headers("a") + headers("b") + headers("c"));
  ASSERT_TRUE(session.end());
  EXPECT_EQ(session.end()->kind(), ErrorKind::unavailable);
}

TEST_F(AgentSessionTest, CorrelationIdsAreBounded) {
  auto& session = open();
  feed(headers(std::string(256, 'i')));
  EXPECT_TRUE(session.open());
  feed(headers(std::string(257, 'i')));
  EXPECT_TRUE(session.end());
}

TEST_F(AgentSessionTest, PingIsAnsweredWithItsPayload) {
  auto& session = open();
  feed(frame_of({}, wire::Ping{.sequence = 42, .timestamp_ms = 7}));
  const auto pong = written<wire::Pong>(session);
  EXPECT_EQ(pong.sequence, 42U);
  EXPECT_EQ(pong.timestamp_ms, 7U);
}

TEST_F(AgentSessionTest, NothingFollowsTheEndOfASessionHoweverMuchTimePasses) {
  auto& session = open();
  feed(headers("a"));
  session.respond(arrived(session).front(), {}, start_time);  // from here on the exchange is idle
  session.close(base::fail(ErrorKind::connection_closed, "gone"));
  session.clear_actions();
  session.tick(start_time + 24h);
  EXPECT_TRUE(session.actions().empty());
  EXPECT_EQ(session.next_wakeup(), base::TimePoint::max());
}

TEST_F(AgentSessionTest, PingIsEchoedWhateverItHolds) {
  auto& session = open();
  for (const std::string_view payload : {"", "not json", "\xff\x00"}) {
    feed(raw_frame(FrameType::ping, payload));
    EXPECT_EQ(take_output(session), raw_frame(FrameType::pong, payload));
  }
  EXPECT_TRUE(session.open());
}

TEST_F(AgentSessionTest, SecondHandshakeIsAProtocolError) {
  auto& session = open();
  shake_hands();
  ASSERT_TRUE(session.end());
  EXPECT_EQ(session.end()->kind(), ErrorKind::invalid_message);
}

TEST_F(AgentSessionTest, MemoryOfBusyTimesIsGivenBackWhenOnlyPingsCome) {
  auto& session = open({wire::Encoding::json});
  const std::string body(100'000, 'b');
  feed(frame_of({}, wire::RequestBodyChunk{.correlation_id = "1", .data = base::as_bytes(body)}));
  const auto refs = arrived(session);
  session.clear_actions();
  feed(frame_of({}, wire::Ping{.sequence = 1}));
  EXPECT_GT(memory(), 50'000U) << "an exchange is under way";
  feed(frame_of({}, wire::RequestComplete{.correlation_id = "1"}));
  const auto completed = arrived(session);
  session.clear_actions();
  for (const auto& ref : {refs.at(0), completed.at(0)}) EXPECT_TRUE(session.respond(ref, {}, start_time));
  feed(frame_of({}, wire::Ping{.sequence = 2}));
  EXPECT_EQ(session.exchanges(), 0U);
  EXPECT_EQ(memory(), 0U);
}

TEST_F(AgentSessionTest, TheAnswerToACompletionWaitsForCompany) {
  auto& session = open();
  const wire::Format format{wire::Encoding::msgpack};
  feed(frame_of(format, wire::RequestComplete{.correlation_id = "a"}));
  ASSERT_TRUE(session.respond(arrived(session).at(0), {}, start_time));
  EXPECT_FALSE(session.output().urgent());
  EXPECT_EQ(session.next_wakeup(), start_time + Linger::longest);
  session.clear_actions();
  feed(headers("b"));
  ASSERT_TRUE(session.respond(arrived(session).at(0), {}, start_time));
  EXPECT_TRUE(session.output().urgent());
}

TEST_F(AgentSessionTest, AOneWayCompletionEndsTheExchangeWithoutAnAnswer) {
  auto& session = open({wire::Encoding::msgpack}, {wire::extension_one_way_complete});
  feed(headers("a"));
  ASSERT_TRUE(session.respond(arrived(session).at(0), {}, start_time));
  EXPECT_THAT(types_of(take_output(session)), ElementsAre(FrameType::agent_response)) << "events are answered as ever";
  session.clear_actions();
  feed(frame_of(session.format(), wire::RequestComplete{.correlation_id = "a"}));
  EXPECT_EQ(session.unanswered(), 1U) << "until its handler is done with it";
  ASSERT_TRUE(session.respond(arrived(session).at(0), {}, start_time));
  EXPECT_EQ(session.unanswered(), 0U);
  EXPECT_EQ(session.exchanges(), 0U);
  EXPECT_TRUE(session.output().empty());
}

TEST_F(AgentSessionTest, AnEventThatIsStillPendingIsAnsweredAfterAOneWayCompletion) {
  auto& session = open({wire::Encoding::msgpack}, {wire::extension_one_way_complete});
  feed(headers("a") + frame_of({wire::Encoding::msgpack}, wire::RequestComplete{.correlation_id = "a"}));
  const auto refs = arrived(session);
  ASSERT_EQ(refs.size(), 2U);
  ASSERT_TRUE(session.respond(refs[1], {}, start_time));
  EXPECT_EQ(take_output(session), "");
  ASSERT_TRUE(session.respond(refs[0], {}, start_time));
  EXPECT_EQ(written<wire::AgentResponse>(session, session.format()).correlation_id, "a");
  EXPECT_EQ(session.unanswered(), 0U);
}

}  // namespace
}  // namespace picket::session
