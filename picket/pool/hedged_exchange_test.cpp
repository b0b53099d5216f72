#include <optional>
#include <utility>

#include "picket/pool/exchange.hpp"
#include "picket/pool/testing.hpp"

/// Events that are asked on a second connection where the first one is slow.
namespace picket::pool {
namespace {

using namespace std::chrono_literals;
using testing::Asked;
using testing::extended;
using wire::FrameType;

class HedgedTest : public testing::PoolTest {
 protected:
  using Frame = decltype(std::declval<testing::PlayedConnection&>().event());

  HedgedTest() {
    config_.hedge = HedgeConfig{.after = 0.98, .budget = 1};
    agent_ = &add(config_);
    first_.emplace(ready(*agent_, {.format = extended}));
    second_.emplace(ready(*agent_, {.format = extended}));
    // Until the latency of enough answers is known.
    for (int i = 0; i < 4; ++i) answered_after(200ms);  // which is waited for then
    for (int i = 0; i < 110; ++i) answered_after(0ms);
    turn_for_a_look();
    read_all();
  }
  void answered_after(base::Duration time) {
    Asked asked{worker_, *agent_};
    Call& head = asked.headers();
    turn();
    auto& chosen = who_has_input();
    const auto event = chosen.event();
    transport::testing::turn_for(worker_, time);
    chosen.answer(event);
    ASSERT_TRUE(ends(head));
    asked.end();
    (void)chosen.event();  // its request_complete
  }
  testing::PlayedConnection& who_has_input() { return first_->peer.has_input() ? *first_ : *second_; }
  testing::PlayedConnection& other_than(const testing::PlayedConnection& one) {
    return &one == &*first_ ? *second_ : *first_;
  }
  /// One event as both connections have it: it was asked on `first`, and again on `second` when no answer came.
  struct Twice {
    testing::PlayedConnection& first;
    Frame event;
    testing::PlayedConnection& second;
    Frame again;
  };
  Twice asked_twice() {
    turn();
    auto& first = who_has_input();
    const Frame event = first.event();
    auto& second = other_than(first);
    return {first, event, second, second.event()};
  }
  /// Those of the first answers that were hedged, too, have left more than one frame.
  void read_all() {
    for (auto* connection : {&*first_, &*second_})
      while (connection->peer.has_input()) (void)connection->event();
  }
  /// The percentile is looked at once a second.
  void turn_for_a_look() {
    const auto begin = base::Clock::now();
    (void)until([&] { return base::Clock::now() - begin > std::chrono::milliseconds{1'100}; });
  }

  Config config_ = quick(2);
  Agent* agent_ = nullptr;
  std::optional<testing::PlayedConnection> first_;
  std::optional<testing::PlayedConnection> second_;
};

TEST_F(HedgedTest, ASlowAnswerIsNotWaitedForWhereAnotherConnectionGivesIt) {
  const auto before = agent_->metrics().hedges_answered.value();
  Asked asked{worker_, *agent_};
  Call& head = asked.headers();
  const auto [slow, event, quick, again] = asked_twice();
  EXPECT_EQ(again.type, FrameType::request_headers);
  EXPECT_EQ(again.id, event.id);
  quick.answer(again, {.audit = {.tags = {}}});
  ASSERT_TRUE(ends(head));
  EXPECT_TRUE(head.result());
  EXPECT_EQ(slow.event().type, FrameType::cancel);
  EXPECT_EQ(agent_->metrics().hedges_answered.value(), before + 1);
  slow.answer(event, {.decision = wire::Block{.status = 403}});  // late, and nobody's
  asked.end();
  EXPECT_EQ(slow.event().type, FrameType::request_complete) << "it saw the event";
  EXPECT_EQ(quick.event().type, FrameType::request_complete);
}

TEST_F(HedgedTest, AConnectionThatEndsTakesOneOfTwoCopiesAlong) {
  Asked asked{worker_, *agent_};
  Call& head = asked.headers();
  const auto [lost, event, other, again] = asked_twice();
  lost.peer.close();
  ASSERT_TRUE(until([&] { return agent_->ready_connections() == 1; }));
  EXPECT_FALSE(head.done());
  other.answer(again);
  ASSERT_TRUE(ends(head));
  EXPECT_TRUE(head.result());
}

TEST_F(HedgedTest, AGuardrailIsAskedTwiceAndWhatFollowsGoesWhereItWasAnswered) {
  Asked asked{worker_, *agent_};
  Call& prompt = asked.guardrail("prompt");
  const auto [slow, event, quick, again] = asked_twice();
  EXPECT_EQ(again.type, FrameType::guardrail_inspect);
  quick.answer(again, {.decision = wire::Block{.status = 403}});
  ASSERT_TRUE(ends(prompt));
  EXPECT_TRUE(std::holds_alternative<wire::Block>(prompt.response().decision));
  EXPECT_EQ(slow.event().type, FrameType::cancel);
  Call& next = asked.guardrail("next");
  quick.answer(quick.event());
  ASSERT_TRUE(ends(next));
  EXPECT_TRUE(next.result());
}

TEST_F(HedgedTest, AnEventThatBeginsBesideOneThatWasAskedTwiceLosesNothingByItsAnswer) {
  Asked asked{worker_, *agent_};
  Call& first = asked.guardrail("first");
  const auto [asked_first, event, second, again] = asked_twice();
  Call& beside = asked.headers();
  EXPECT_EQ(second.event().type, FrameType::cancel) << "there is one connection from here on";
  const auto other = asked_first.event();
  second.answer(again);  // late, and nobody's
  turn();
  EXPECT_FALSE(first.done());
  asked_first.answer(event, {.decision = wire::Block{.status = 403}});
  asked_first.answer(other);
  ASSERT_TRUE(ends(first) && ends(beside));
  EXPECT_TRUE(std::holds_alternative<wire::Block>(first.response().decision));
  EXPECT_TRUE(std::holds_alternative<wire::Allow>(beside.response().decision));
}

TEST_F(HedgedTest, WhereTheFirstConnectionEndsWhatFollowsGoesToTheOneThatAnswered) {
  Asked asked{worker_, *agent_};
  Call& prompt = asked.guardrail("prompt");
  const auto [lost, event, other, again] = asked_twice();
  lost.peer.close();
  ASSERT_TRUE(until([&] { return agent_->ready_connections() == 1; }));
  other.answer(again);
  ASSERT_TRUE(ends(prompt));
  Call& next = asked.guardrail("next");
  other.answer(other.event());
  ASSERT_TRUE(ends(next));
  EXPECT_TRUE(next.result());
}

TEST_F(HedgedTest, ACallThatIsGivenUpIsCancelledOnBoth) {
  Asked asked{worker_, *agent_};
  asked.headers();
  const auto [one, event, other, again] = asked_twice();
  asked.abandon();
  EXPECT_EQ(one.event().type, FrameType::cancel);
  EXPECT_EQ(other.event().type, FrameType::cancel);
}

}  // namespace
}  // namespace picket::pool
