#include "picket/inspection/frame_inspection.hpp"

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "picket/inspection/inspection.hpp"
#include "picket/inspection/testing/frames.hpp"
#include "picket/inspection/testing/inspected.hpp"

namespace picket::inspection {
namespace {

using agent::Decision;
using Kind = FrameVerdict::Kind;
using testing::judge_by_word;
using testing::keep;
using testing::Script;
using testing::Terms;
using testing::text;

constexpr Events frames_only{.websocket_frame = true};

class Frames : public testing::InspectionTest {
 protected:
  static constexpr Terms closed{.events = frames_only};
  static constexpr Terms open{.events = frames_only, .failure_mode = FailureMode::open};
};

TEST_F(Frames, EachIsAnEventWithItsDirectionNumberAndPlaceInItsMessage) {
  auto& seen = agent({}, closed);
  Request request{*this};
  EXPECT_EQ(request.frame(text("one")).kind, Kind::passes);
  wire::WebSocketFrame part = text("two", 1, false);
  part.fin = false;
  EXPECT_EQ(request.frame(part).kind, Kind::passes);
  part = text("three", 2, false);
  part.opcode = wire::WebSocketOpcode::continuation;
  EXPECT_EQ(request.frame(part).kind, Kind::passes);
  EXPECT_EQ(seen.seen(), (std::vector<std::string>{"frame > 0 text 'one'", "frame < 1 text 'two'…",
                                                   "frame < 2 continuation 'three'"}));
  EXPECT_EQ(counters(0).allowed.value(), 3U);
  EXPECT_TRUE(audit_.outcomes.empty()) << "a bare allow is nothing to keep";
}

TEST_F(Frames, WhoDoesNotWantThemIsNotAsked) {
  auto& other = agent({}, {.events = {.request_headers = true}});
  Request request{*this};
  EXPECT_FALSE(request->frames().is_watched());
  EXPECT_EQ(request.frame(text("one")).kind, Kind::passes);
  EXPECT_TRUE(other.seen().empty());
}

TEST_F(Frames, ADropIsCountedAndAuditedAndTheOthersAreAskedAllTheSame) {
  agent({.websocket_frame = judge_by_word}, closed);
  auto& second = agent({}, closed);
  Request request{*this};
  EXPECT_EQ(request.frame(text("drop")).kind, Kind::drops);
  EXPECT_TRUE(second.has_seen("frame > 0 text 'drop'"));
  EXPECT_EQ(counters(0).dropped.value(), 1U);
  EXPECT_EQ(counters(0).allowed.value(), 0U);
  EXPECT_EQ(audit_.outcomes, (std::vector<std::string>{"agent-0 websocket_frame drop - [] []"}));
}

TEST_F(Frames, WhoClosesFirstEndsIt) {
  agent({.websocket_frame = judge_by_word}, closed);
  auto& second = agent({}, closed);
  Request request{*this};
  const FrameVerdict verdict = request.frame(text("close"));
  EXPECT_EQ(verdict.kind, Kind::closes);
  EXPECT_EQ(verdict.code, 4001);
  EXPECT_EQ(verdict.reason, "enough");
  EXPECT_EQ(verdict.decision, "close");
  EXPECT_EQ(verdict.agent, "agent-0");
  EXPECT_EQ(counters(0).closed.value(), 1U);
  EXPECT_TRUE(second.seen().empty());
}

TEST_F(Frames, ALaterOneMayCloseWhatAnEarlierOneDropped) {
  agent({.websocket_frame = [](const auto&, auto&) { return Decision::drop_frame(); }}, closed);
  agent({.websocket_frame = judge_by_word}, closed);
  Request request{*this};
  EXPECT_EQ(request.frame(text("close")).kind, Kind::closes);
}

TEST_F(Frames, ABlockCloses) {
  agent({.websocket_frame = judge_by_word}, closed);
  Request request{*this};
  const FrameVerdict verdict = request.frame(text("block"));
  EXPECT_EQ(verdict.kind, Kind::closes);
  EXPECT_EQ(verdict.code, 1008);
  EXPECT_EQ(verdict.decision, "cut");
  EXPECT_EQ(counters(0).cut.value(), 1U);
}

TEST_F(Frames, ACloseThatCannotBeSentIsAFailureOfTheAgent) {
  agent({.websocket_frame = judge_by_word}, closed);
  Request request{*this};
  const FrameVerdict verdict = request.frame(text("never a code"));
  EXPECT_EQ(verdict.kind, Kind::closes);
  EXPECT_EQ(verdict.code, 1011);
  EXPECT_EQ(verdict.failure, Failure::protocol_error);
  EXPECT_EQ(counters(0).invalid_responses.value(), 1U);
}

TEST_F(Frames, WhoFailsOpenAboutOneIsAskedAboutTheNext) {
  auto& seen = agent({.websocket_frame = judge_by_word}, open);
  Request request{*this};
  EXPECT_EQ(request.frame(text("never a code")).kind, Kind::passes);
  EXPECT_EQ(request.frame(text("drop", 1)).kind, Kind::drops);
  EXPECT_EQ(request.frame(text("close", 0, false)).kind, Kind::closes);
  EXPECT_EQ(counters(0).failed_open.value(), 1U);
  EXPECT_EQ(seen.seen().size(), 3U);
}

TEST_F(Frames, WhoIsGoneAndFailsOpenLetsAllThatComesPass) {
  auto& dies = agent({}, open);
  auto& second = agent({}, closed);
  Request request{*this};
  EXPECT_EQ(request.frame(text("one")).kind, Kind::passes);
  dies.stop();
  EXPECT_EQ(request.frame(text("two", 1)).kind, Kind::passes);
  EXPECT_EQ(request.frame(text("three", 2)).kind, Kind::passes);
  EXPECT_EQ(counters(0).failed_open.value(), 2U);
  EXPECT_EQ(second.seen().size(), 3U);
}

TEST_F(Frames, WhoFailsClosedCloses) {
  auto& dies = agent({}, closed);
  Request request{*this};
  EXPECT_EQ(request.frame(text("one")).kind, Kind::passes);
  dies.stop();
  const FrameVerdict verdict = request.frame(text("two", 1));
  EXPECT_EQ(verdict.kind, Kind::closes);
  EXPECT_EQ(verdict.code, 1011);
  EXPECT_EQ(verdict.failure, Failure::unavailable);
  EXPECT_EQ(counters(0).failed_closed.value(), 1U);
}

TEST_F(Frames, BothDirectionsAreAskedAboutAtOnceAndKeepTheirAnswersApart) {
  auto& waits = agent({}, closed);
  Script script;
  script.websocket_frame = [&waits](const wire::WebSocketFrame& frame, agent::Context& context) -> agent::Reply {
    if (frame.client_to_server) return waits.hold(context);
    return Decision::drop_frame();
  };
  auto& holds = agent(std::move(script), closed);
  static_cast<void>(holds);
  Request request{*this};
  wire::WebSocketFrame up = text("up");
  wire::WebSocketFrame down = text("down", 0, false);
  std::optional<FrameVerdict> of_up;
  std::optional<FrameVerdict> of_down;
  transport::spawn(keep(request->frames().judge(up), of_up));
  transport::spawn(keep(request->frames().judge(down), of_down));
  EXPECT_TRUE(until([&] { return of_down.has_value(); }));
  EXPECT_EQ(of_down->kind, Kind::drops);
  EXPECT_FALSE(of_up);
  waits.answer_held(Decision::allow());
  EXPECT_TRUE(until([&] { return of_up.has_value(); }));
  EXPECT_EQ(of_up->kind, Kind::passes);
}

TEST_F(Frames, WhoNeedsNoVerdictsAnyMoreIsNotKeptWaitingAndTheAgentIsTold) {
  auto& waits = agent({}, closed);
  Script script;
  script.websocket_frame = [&waits](const auto&, agent::Context& context) { return waits.hold(context); };
  auto& holds = agent(std::move(script), {.events = frames_only, .timeout = std::chrono::hours{1}});
  auto& behind = agent({}, closed);
  Request request{*this};
  wire::WebSocketFrame up = text("up");
  std::optional<FrameVerdict> of_up;
  transport::spawn(keep(request->frames().judge(up), of_up));
  EXPECT_TRUE(until([&] { return holds.has_seen("frame > 0 text 'up'"); }));
  request->frames().stop();
  EXPECT_TRUE(until([&] { return of_up.has_value(); }));
  EXPECT_TRUE(until([&] { return holds.has_seen("cancel"); }));
  EXPECT_TRUE(behind.seen().empty());
  EXPECT_EQ(counters(1).failed_closed.value(), 0U) << "nobody's failure";
}

TEST_F(Frames, AnEndOfTheExchangeEndsTheAsking) {
  agent({}, closed);
  testing::ScriptedAgent* waits = nullptr;
  Script script;
  script.websocket_frame = [&waits](const auto&, agent::Context& context) { return waits->hold(context); };
  waits = &agent(std::move(script), closed);
  Request request{*this};
  wire::WebSocketFrame up = text("up");
  std::optional<FrameVerdict> of_up;
  transport::spawn(keep(request->frames().judge(up), of_up));
  EXPECT_TRUE(until([&] { return waits->has_seen("frame > 0 text 'up'"); }));
  request->cancel(wire::CancelReason::client_disconnect);
  EXPECT_TRUE(until([&] { return of_up.has_value(); }));
  EXPECT_EQ(of_up->kind, Kind::closes);
  EXPECT_EQ(of_up->decision, "cancelled");
  EXPECT_EQ(counters(1).failed_closed.value(), 0U) << "nobody's failure";
}

}  // namespace
}  // namespace picket::inspection
