#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "picket/inspection/inspection.hpp"
#include "picket/inspection/testing/frames.hpp"
#include "picket/inspection/testing/inspected.hpp"

/// Agents that are lost to a WebSocket and come back within it.
namespace picket::inspection {
namespace {

using agent::Decision;
using Kind = FrameVerdict::Kind;
using testing::judge_by_word;
using testing::keep;
using testing::Script;
using testing::text;

class AgentsThatComeBack : public testing::InspectionTest {
 protected:
  static constexpr Events with_heads{.request_headers = true, .request_complete = true, .websocket_frame = true};

  static constexpr testing::Terms open{.events = with_heads, .failure_mode = FailureMode::open};
  static constexpr testing::Terms frames_only{.events = {.websocket_frame = true}, .failure_mode = FailureMode::open};

  /// The first agent of the chain once more, where the one before was.
  std::unique_ptr<testing::ScriptedAgent> come_back(Script script = {}) {
    const auto lost = metrics(0).connections_opened.value();
    auto again = std::make_unique<testing::ScriptedAgent>((folder_.path() / "agent-0").string(), std::move(script));
    EXPECT_TRUE(until([&] { return metrics(0).connections_opened.value() > lost; }));
    return again;
  }
  /// Frames go on until one gets that verdict: on a busy machine others may time out, and then it is left alone.
  bool gets(Request& request, std::string_view data, Kind wanted) {
    for (std::uint64_t index = 100; index < 400; ++index) {
      if (request.frame(text(data, index)).kind == wanted) return true;
      transport::testing::turn_for(worker_, std::chrono::milliseconds{100});
    }
    return false;
  }
};

/// It is shown no heads.
class TakesFrames final : public agent::Handler {
 public:
  [[nodiscard]] agent::Info info() const override { return {.id = "takes-frames"}; }
  agent::Reply on_websocket_frame(const wire::WebSocketFrame& event, agent::Context& context) override {
    return judge_by_word(event, context);
  }
};

TEST_F(AgentsThatComeBack, AreAskedAboutTheNextFrameBehindTheHead) {
  auto& dies = agent({}, open);
  Request request{*this};
  EXPECT_TRUE(request.headers("/chat").goes_on());
  EXPECT_EQ(request.frame(text("one")).kind, Kind::passes);
  dies.stop();
  EXPECT_EQ(request.frame(text("two", 1)).kind, Kind::passes);
  const auto back = come_back({.websocket_frame = judge_by_word});
  EXPECT_EQ(request.frame(text("drop", 2)).kind, Kind::drops);
  EXPECT_EQ(request.frame(text("drop", 0, false)).kind, Kind::drops);
  EXPECT_EQ(back->seen(), (std::vector<std::string>{"complete 101", "headers /chat", "frame > 2 text 'drop'",
                                                    "frame < 0 text 'drop'"}))
      << "the end of the exchange that was lost, then another";
  request.complete(101);
  EXPECT_TRUE(until([&] { return back->has_seen("complete 101"); }));
}

TEST_F(AgentsThatComeBack, SeeNoHeadWhereTheyAreShownNone) {
  auto& dies = agent({}, frames_only);
  Request request{*this};
  EXPECT_TRUE(request.headers().goes_on());
  EXPECT_EQ(request.frame(text("one")).kind, Kind::passes);
  dies.stop();
  const auto back = come_back();
  EXPECT_EQ(request.frame(text("two", 1)).kind, Kind::passes);
  EXPECT_EQ(back->seen(), (std::vector<std::string>{"frame > 1 text 'two'"}));
}

TEST_F(AgentsThatComeBack, MayCloseForTheHead) {
  auto& dies = agent({}, open);
  Request request{*this};
  EXPECT_TRUE(request.headers().goes_on());
  dies.stop();
  const auto back = come_back({.request_headers = [](const auto&, auto&) { return Decision::block(403); }});
  const FrameVerdict verdict = request.frame(text("one"));
  EXPECT_EQ(verdict.kind, Kind::closes);
  EXPECT_EQ(verdict.code, 1008);
  EXPECT_EQ(verdict.decision, "cut") << "the answer has left";
  EXPECT_EQ(counters(0).cut.value(), 1U);
  EXPECT_EQ(audit_.outcomes, (std::vector<std::string>{"agent-0 request_headers cut 403 [] []"}));
  EXPECT_FALSE(back->has_seen("frame > 0 text 'one'"));
}

TEST_F(AgentsThatComeBack, MayWantOfTheHeadWhatComesTooLate) {
  auto& dies = agent({}, open);
  Request request{*this};
  EXPECT_TRUE(request.headers().goes_on());
  dies.stop();
  const auto back = come_back(
      {.request_headers = [](const auto&, auto&) { return Decision::allow().set_request_header("x-user", "ann"); },
       .websocket_frame = judge_by_word});
  EXPECT_EQ(request.frame(text("drop")).kind, Kind::drops);
  EXPECT_EQ(counters(0).failed_open.value(), 0U);
}

TEST_F(AgentsThatComeBack, HaveWhatTheyWantedOfTheFirstHeadKept) {
  const auto wants = [](const std::string& value) {
    return [value](const auto&, auto&) { return Decision::allow().set_request_header("x-user", value); };
  };
  auto& dies = agent({.request_headers = wants("ann")}, open);
  Request request{*this};
  EXPECT_TRUE(request.headers().goes_on());
  dies.stop();
  for (std::uint64_t index = 0; index < 2; ++index) {
    const auto back = come_back({.request_headers = wants("bob"), .websocket_frame = judge_by_word});
    EXPECT_EQ(request.frame(text("drop", index)).kind, Kind::drops);
  }
  const auto operations = request->request_operations();
  ASSERT_EQ(operations.size(), 1U);
  EXPECT_EQ(operations[0].name, "x-user");
  EXPECT_EQ(operations[0].value, "ann");
}

TEST_F(AgentsThatComeBack, AreToldOfOnceWhereTheyTakeNoHeads) {
  absent_agent(open);
  Request request{*this};
  EXPECT_TRUE(request.headers().goes_on());
  audit_.outcomes.clear();
  for (std::uint64_t index = 0; index < 2; ++index) {
    const auto lost = metrics(0).connections_opened.value();
    agent::Server server{{.listen = {"unix:" + (folder_.path() / "agent-0").string()}, .socket = {}, .log = {}},
                         [] { return std::make_unique<TakesFrames>(); }};
    ASSERT_TRUE(server.start());
    EXPECT_TRUE(until([&] { return metrics(0).connections_opened.value() > lost; }));
    EXPECT_EQ(request.frame(text("drop", index)).kind, Kind::drops);
  }
  EXPECT_EQ(std::ranges::count(audit_.outcomes, "agent-0 request_headers uninspected - [] []"), 1);
}

TEST_F(AgentsThatComeBack, AreAskedThoughTheyFailedAboutTheHandshake) {
  absent_agent(open);
  Request request{*this};
  EXPECT_TRUE(request.headers("/chat").goes_on());
  EXPECT_EQ(request.frame(text("one")).kind, Kind::passes);
  const auto back = come_back({.websocket_frame = judge_by_word});
  EXPECT_EQ(request.frame(text("drop", 1)).kind, Kind::drops);
  EXPECT_EQ(back->seen(), (std::vector<std::string>{"headers /chat", "frame > 1 text 'drop'"}));
}

TEST_F(AgentsThatComeBack, FromATimeOutAreAskedAsAnotherExchangeAndTheirLateAnswerIsNobodys) {
  testing::ScriptedAgent* slow = nullptr;
  Script script;
  script.websocket_frame = [&slow](const wire::WebSocketFrame& frame, agent::Context& context) -> agent::Reply {
    if (base::as_text(frame.data) == "slow") return slow->hold(context);
    return judge_by_word(frame, context);
  };
  slow = &agent(std::move(script),
                {.events = with_heads, .failure_mode = FailureMode::open, .timeout = std::chrono::milliseconds{500}});
  Request request{*this};
  EXPECT_TRUE(request.headers("/chat").goes_on());
  EXPECT_EQ(request.frame(text("slow")).kind, Kind::passes);
  EXPECT_TRUE(gets(request, "drop", Kind::drops));
  slow->answer_held(Decision::close_websocket(4001, "too late"));
  EXPECT_TRUE(gets(request, "kept", Kind::passes));
  EXPECT_EQ(counters(0).closed.value(), 0U);
  EXPECT_TRUE(slow->has_seen("complete 101")) << "of the exchange that it did not answer in";
  const auto seen = slow->seen();
  EXPECT_GE(std::ranges::count(seen, "headers /chat"), 2);
}

TEST_F(AgentsThatComeBack, AreLeftAloneForAWhileWhereTheyAnswerHeadsAndNoFrames) {
  testing::ScriptedAgent* slow = nullptr;
  Script script;
  script.websocket_frame = [&slow](const auto&, agent::Context& context) { return slow->hold(context); };
  slow = &agent(std::move(script),
                {.events = with_heads, .failure_mode = FailureMode::open, .timeout = std::chrono::milliseconds{300}});
  Request request{*this};
  EXPECT_TRUE(request.headers("/chat").goes_on());
  for (std::uint64_t index = 0; index < 30; ++index) EXPECT_EQ(request.frame(text("slow", index)).kind, Kind::passes);
  EXPECT_EQ(counters(0).failed_open.value(), 30U) << "each is told of";
  EXPECT_EQ(std::ranges::count(audit_.outcomes, "agent-0 websocket_frame failed_open - [] []"), 30);
  const auto seen = slow->seen();
  EXPECT_LT(std::ranges::count(seen, "headers /chat"), 10)
      << "the handshake, then at once, then after 1, 2, 4, … seconds";
}

TEST_F(AgentsThatComeBack, AreShownTheHeadBeforeTheNextFrameThoughOneCameBeforeIt) {
  absent_agent({.events = with_heads, .failure_mode = FailureMode::open, .timeout = std::chrono::seconds{3}});
  Request request{*this};
  EXPECT_TRUE(request.headers("/chat").goes_on());
  testing::ScriptedAgent* holds = nullptr;
  const auto back = come_back({.websocket_frame =
                                   [&holds](const wire::WebSocketFrame& frame, agent::Context& context) {
                                     return base::as_text(frame.data) == "held" ? holds->hold(context)
                                                                                : judge_by_word(frame, context);
                                   },
                               .limits = {.max_concurrency = 1}});
  holds = back.get();
  const base::MintedId id = worker_.ids().mint();
  pool::Exchange other{asked(0), id};
  wire::WebSocketFrame held = text("held");
  pool::Call has_the_place = other.websocket_frame(held, base::Deadline::after(worker_.now(), std::chrono::minutes{1}));
  EXPECT_TRUE(until([&] { return back->has_seen("frame > 0 text 'held'"); }));
  wire::WebSocketFrame up = text("up");
  wire::WebSocketFrame down = text("down", 0, false);
  std::optional<FrameVerdict> of_up;
  std::optional<FrameVerdict> of_down;
  transport::spawn(keep(request->frames().judge(up), of_up));
  transport::testing::turn_for(worker_, std::chrono::milliseconds{1500});
  transport::spawn(keep(request->frames().judge(down), of_down));
  EXPECT_TRUE(until([&] { return of_up.has_value(); })) << "the head waited for the place in vain";
  holds->answer_held(Decision::allow());
  EXPECT_TRUE(until([&] { return has_the_place.done(); }));
  other.complete({.status = 200});
  EXPECT_TRUE(until([&] { return of_down.has_value(); }));
  EXPECT_TRUE(back->has_seen("frame < 0 text 'down'"));
  EXPECT_FALSE(back->has_seen("headers /chat"));
  EXPECT_EQ(request.frame(text("drop", 1)).kind, Kind::drops);
  EXPECT_TRUE(back->has_seen("headers /chat"));
}

TEST_F(AgentsThatComeBack, AreShownTheHeadOnceThoughBothDirectionsWait) {
  auto& dies = agent({}, open);
  Request request{*this};
  EXPECT_TRUE(request.headers("/chat").goes_on());
  dies.stop();
  testing::ScriptedAgent* waits = nullptr;
  const auto back =
      come_back({.request_headers = [&waits](const auto&, agent::Context& context) { return waits->hold(context); },
                 .websocket_frame = judge_by_word});
  waits = back.get();
  wire::WebSocketFrame up = text("up");
  wire::WebSocketFrame down = text("drop", 0, false);
  std::optional<FrameVerdict> of_up;
  std::optional<FrameVerdict> of_down;
  transport::spawn(keep(request->frames().judge(up), of_up));
  transport::spawn(keep(request->frames().judge(down), of_down));
  EXPECT_TRUE(until([&] { return of_down.has_value(); }));
  EXPECT_EQ(of_down->kind, Kind::drops);
  waits->answer_held(Decision::allow());
  EXPECT_TRUE(until([&] { return of_up.has_value(); }));
  EXPECT_EQ(of_up->kind, Kind::passes);
  EXPECT_EQ(back->seen(), (std::vector<std::string>{"complete 101", "headers /chat", "frame < 0 text 'drop'",
                                                    "frame > 0 text 'up'"}));
}

TEST_F(AgentsThatComeBack, KeepNobodyWaitingWhereTheTunnelEndsMeanwhile) {
  auto& dies = agent({}, open);
  Request request{*this};
  EXPECT_TRUE(request.headers("/chat").goes_on());
  dies.stop();
  testing::ScriptedAgent* waits = nullptr;
  const auto back =
      come_back({.request_headers = [&waits](const auto&, agent::Context& context) { return waits->hold(context); }});
  waits = back.get();
  wire::WebSocketFrame up = text("up");
  std::optional<FrameVerdict> of_up;
  transport::spawn(keep(request->frames().judge(up), of_up));
  EXPECT_TRUE(until([&] { return back->has_seen("headers /chat"); }));
  request->frames().stop();
  EXPECT_TRUE(until([&] { return of_up.has_value(); }));
  EXPECT_TRUE(until([&] { return back->has_seen("cancel"); }));
  EXPECT_FALSE(back->has_seen("frame > 0 text 'up'"));
}

}  // namespace
}  // namespace picket::inspection
