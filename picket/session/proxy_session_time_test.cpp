#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picket/session/testing/proxy_session.hpp"

/// What time-outs, pings and the end of an exchange do to a proxy's session.
namespace picket::session {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using base::ErrorKind;
using ::testing::ElementsAre;
using wire::FrameType;

// ---- deadlines, cancel, complete

TEST_F(ProxySessionTest, DeadlineEndsTheEventCancelsAndPings) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1, 50ms));
  ASSERT_TRUE(send_headers(session, two_, 2, 500ms));
  (void)take_output(session);
  EXPECT_EQ(session.next_wakeup(), start_time + 25ms) << "to see whether it lives";
  session.tick(start_time + 50ms);
  EXPECT_THAT(failed(session), ElementsAre(std::pair{Tag{1}, ErrorKind::timeout}));
  EXPECT_THAT(types_of(take_output(session)), ElementsAre(FrameType::ping, FrameType::cancel));
  EXPECT_TRUE(session.suspect());
  EXPECT_FALSE(session.takes_new());
  feed(answer(one_));
  EXPECT_EQ(session.dropped().late, 1U);
  feed(answer(two_));
  EXPECT_THAT(answered(session), ElementsAre(2U));
}

TEST_F(ProxySessionTest, DeadlineCoversTheTimeInTheQueue) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1, 10s));
  ASSERT_TRUE(send_chunk(session, one_, 0, 2));  // 1 s, queued behind the first
  session.tick(start_time + 1s);
  EXPECT_THAT(failed(session),
              ElementsAre(std::pair{Tag{1}, ErrorKind::timeout}, std::pair{Tag{2}, ErrorKind::timeout}))
      << "a cancel ends the whole exchange at the agent";
}

TEST_F(ProxySessionTest, PongClearsTheSuspicionAndSilenceEndsTheConnection) {
  for (const bool pongs : {true, false}) {
    auto& session = ready({}, {.pong_timeout = 2s});
    ASSERT_TRUE(send_headers(session, one_, 1, 50ms));
    session.tick(start_time + 50ms);
    ASSERT_TRUE(session.suspect());
    EXPECT_EQ(session.suspect_since(), start_time + 50ms);
    session.clear_actions();
    if (pongs) feed(frame_of({}, wire::Pong{.sequence = 1}), start_time + 60ms);
    EXPECT_EQ(session.takes_new(), pongs);
    EXPECT_EQ(session.actions().size(), pongs ? 1U : 0U) << "who waits for the pong is told";
    session.tick(start_time + 50ms + 2s);
    EXPECT_EQ(session.end().has_value(), !pongs);
  }
}

TEST_F(ProxySessionTest, SilentAgentIsPingedHalfwayToTheTimeout) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1, 1s));
  EXPECT_EQ(session.next_wakeup(), start_time + 500ms);
  (void)take_output(session);
  session.tick(start_time + 500ms);
  EXPECT_THAT(types_of(take_output(session)), ElementsAre(FrameType::ping));
  EXPECT_TRUE(std::holds_alternative<Probed>(session.actions()[0]));
  EXPECT_FALSE(session.suspect());
  EXPECT_EQ(session.next_wakeup(), start_time + 1s) << "one ping is enough";
  session.tick(start_time + 1s);
  EXPECT_TRUE(session.suspect());
  EXPECT_EQ(session.suspect_since(), start_time + 500ms);
}

TEST_F(ProxySessionTest, TheShortestTimeoutInFlightSaysWhenToPing) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1, 100ms));
  ASSERT_TRUE(send_headers(session, two_, 2, 30s));
  EXPECT_EQ(session.next_wakeup(), start_time + 50ms);
}

TEST_F(ProxySessionTest, EventWithNoTimeLeftDoesNotMakeAPingStorm) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1, 1s));
  ASSERT_TRUE(send_headers(session, two_, 2, 1us));
  EXPECT_EQ(session.next_wakeup(), start_time + 1us);
  session.tick(start_time + 1ms);  // times out; its ping is answered
  feed(frame_of({}, wire::Pong{.sequence = 1}), start_time + 1ms);
  EXPECT_EQ(session.next_wakeup(), start_time + 11ms);
}

TEST_F(ProxySessionTest, SilenceEndsNothingBeforeTheEventHasHadItsTime) {
  auto& session = ready({}, {.ping_interval = 1h, .pong_timeout = 2s});
  ASSERT_TRUE(send_headers(session, one_, 1, 30s));
  session.tick(start_time + 15s);
  session.tick(start_time + 29s);
  EXPECT_FALSE(session.end());
  session.tick(start_time + 30s);
  EXPECT_TRUE(session.end());
}

TEST_F(ProxySessionTest, DoubtEndsTheConnectionInThePongsTimeWhateverElseWaits) {
  auto& session = ready({}, {.ping_interval = 1h, .pong_timeout = 2s});
  ASSERT_TRUE(send_headers(session, one_, 1, 30s));
  session.distrust(start_time);
  session.tick(start_time + 2s);
  EXPECT_TRUE(session.end());
}

TEST_F(ProxySessionTest, AgentThatIsHeardIsNotProbed) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1, 1s));
  ASSERT_TRUE(send_headers(session, two_, 2, 1s));
  feed(answer(two_), start_time + 400ms);
  EXPECT_EQ(session.next_wakeup(), start_time + 900ms);
  (void)take_output(session);
  session.tick(start_time + 500ms);
  EXPECT_EQ(take_output(session), "");
  feed(answer(one_), start_time + 600ms);
  EXPECT_GT(session.next_wakeup(), start_time + 2s) << "nothing waits";
}

TEST_F(ProxySessionTest, DoubtOfTheOwnerPingsOnceAndHoldsUntilThePong) {
  auto& session = ready();
  session.distrust(start_time);
  session.distrust(start_time + 1ms);
  EXPECT_THAT(types_of(take_output(session)), ElementsAre(FrameType::ping));
  EXPECT_FALSE(session.takes_new());
  feed(frame_of({}, wire::Pong{.sequence = 1}));
  EXPECT_TRUE(session.takes_new());
}

TEST_F(ProxySessionTest, PongOfAnotherPingProvesNothing) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1, 50ms));
  session.tick(start_time + 50ms);
  feed(frame_of({}, wire::Pong{.sequence = 77}));
  EXPECT_TRUE(session.suspect());
}

TEST_F(ProxySessionTest, IdleConnectionIsPingedAtItsInterval) {
  auto& session = ready({}, {.ping_interval = 10s});
  EXPECT_EQ(session.next_wakeup(), start_time + 10s);
  session.tick(start_time + 10s);
  EXPECT_THAT(types_of(take_output(session)), ElementsAre(FrameType::ping));
  EXPECT_FALSE(session.suspect());
}

TEST_F(ProxySessionTest, CancelTellsTheAgentOnlyOfWhatItSaw) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1));
  (void)take_output(session);
  session.cancel(one_, wire::CancelReason::client_disconnect, start_time);
  session.cancel(two_, wire::CancelReason::client_disconnect, start_time);
  EXPECT_THAT(types_of(take_output(session)), ElementsAre(FrameType::cancel));
  EXPECT_TRUE(session.actions().empty()) << "who cancels needs no telling";
  EXPECT_FALSE(send_chunk(session, one_, 0, 2)) << "a cancelled exchange takes nothing more";
  feed(answer(one_));
  EXPECT_EQ(session.dropped().late, 1U);
}

TEST_F(ProxySessionTest, CompleteIsAlwaysSentToAnAgentThatSawAnything) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1));
  feed(answer(one_));
  (void)take_output(session);
  session.complete(one_, {.status = 200}, start_time);
  EXPECT_THAT(types_of(take_output(session)), ElementsAre(FrameType::request_complete));
  session.complete(two_, {}, start_time);
  EXPECT_EQ(take_output(session), "");
  EXPECT_EQ(session.exchanges(), 0U);
  feed(answer(one_));
  EXPECT_EQ(session.dropped().unknown, 0U) << "the answer to request_complete is expected and nobody's";
}

TEST_F(ProxySessionTest, CompleteWithAnEventInFlightCancelsItFirst) {
  auto& session = ready();
  ASSERT_TRUE(send_headers(session, one_, 1));
  (void)take_output(session);
  session.complete(one_, {}, start_time);
  EXPECT_THAT(types_of(take_output(session)), ElementsAre(FrameType::cancel, FrameType::request_complete));
  EXPECT_EQ(session.in_flight(), 0U);
}

}  // namespace
}  // namespace picket::session
