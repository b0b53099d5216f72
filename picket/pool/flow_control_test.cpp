#include "picket/pool/testing.hpp"
#include "picket/transport/task.hpp"

namespace picket::pool {
namespace {

using namespace std::chrono_literals;
using base::ErrorKind;
using testing::Asked;
using testing::kind_of;
using testing::PlayedConnection;

class FlowControlTest : public testing::PoolTest {
 protected:
  Agent& paused(FlowControlMode mode, base::Duration wait = 20s) {
    Config config = quick();
    config.flow_control_mode = mode;
    config.flow_control_wait_timeout = wait;
    Agent& agent = add(config);
    connection_.emplace(ready(agent));
    connection_->send(wire::FlowControl{.action = wire::FlowAction::pause});
    connection_->send(wire::HealthStatus{.agent_id = "a", .state = wire::HealthState::degraded});
    transport::testing::turn_for(worker_, 5ms);
    return agent;
  }
  std::optional<PlayedConnection> connection_;
};

TEST_F(FlowControlTest, PausedAgentIsAFailedAgentWhereItFailsClosed) {
  Agent& agent = paused(FlowControlMode::fail_closed);
  Asked asked{worker_, agent};
  Call& call = asked.headers();
  ASSERT_EQ(kind_of(call), ErrorKind::flow_control_paused);
  EXPECT_FALSE(AgentPool::goes_on_despite(agent, call.result().error()));
  EXPECT_EQ(agent.breaker_state(), Breaker::State::closed);
}

TEST_F(FlowControlTest, PausedAgentIsSkippedWhereItFailsOpen) {
  Agent& agent = paused(FlowControlMode::fail_open);
  Asked asked{worker_, agent};
  Call& call = asked.headers();
  ASSERT_EQ(kind_of(call), ErrorKind::flow_control_paused);
  EXPECT_TRUE(AgentPool::goes_on_despite(agent, call.result().error()));
  EXPECT_FALSE(AgentPool::goes_on_despite(agent, base::Error{ErrorKind::timeout}))
      << "only the pause is what it allows";
}

/// Waits until more of an exchange is wanted.
transport::Task<void> wait_for_more(Exchange& exchange, bool& goes_on) {
  co_await exchange.more_wanted();
  goes_on = true;
}

class PausedExchangeTest : public testing::PoolTest {
 protected:
  PausedExchangeTest() {
    (void)asked_.headers();
    event_ = connection_.event();
  }
  void say(wire::FlowAction action) {
    connection_.send(wire::FlowControl{.correlation_id = wire::Text{asked_.id().text()}, .action = action});
  }
  void pause() {
    say(wire::FlowAction::pause);
    ASSERT_TRUE(until([&] { return asked_.exchange().is_paused(); }));
    transport::spawn(wait_for_more(asked_.exchange(), goes_on_));
    turn();
    ASSERT_FALSE(goes_on_);
  }
  bool goes_on() {
    return until([&] { return goes_on_; });
  }
  Agent& agent_ = add(quick());
  PlayedConnection connection_ = ready(agent_);
  bool goes_on_ = false;
  Asked asked_{worker_, agent_};
  PlayedConnection::Event event_;
};

TEST_F(PausedExchangeTest, OthersOfTheConnectionAreAsked) {
  pause();
  Asked other{worker_, agent_};
  Call& call = other.headers();
  connection_.answer(connection_.event());
  ASSERT_TRUE(ends(call));
  EXPECT_TRUE(call.result());
  EXPECT_FALSE(other.exchange().is_paused());
  EXPECT_FALSE(goes_on_);
  asked_.exchange().complete({});
  EXPECT_TRUE(goes_on());
}

TEST_F(PausedExchangeTest, WhoWaitsGoesOnWhenTheAgentWantsMore) {
  pause();
  say(wire::FlowAction::pause);
  turn();
  EXPECT_FALSE(goes_on_);
  say(wire::FlowAction::resume);
  EXPECT_TRUE(goes_on());
  EXPECT_FALSE(asked_.exchange().is_paused());
}

TEST_F(PausedExchangeTest, WhoWaitsGoesOnWhenTheConnectionIsLost) {
  pause();
  connection_.peer.close();
  EXPECT_TRUE(goes_on());
}

TEST_F(PausedExchangeTest, WhoWaitsGoesOnWhenTheExchangeIsCancelledOrOver) {
  pause();
  asked_.exchange().cancel(wire::CancelReason::client_disconnect);
  EXPECT_TRUE(goes_on());
}

TEST_F(PausedExchangeTest, WhoWaitsGoesOnWhenTheExchangeIsComplete) {
  connection_.answer(event_);
  pause();
  asked_.exchange().complete({});
  EXPECT_TRUE(goes_on());
}

TEST_F(FlowControlTest, CallsWaitForTheAgentToResumeWhereTheyMay) {
  Agent& agent = paused(FlowControlMode::wait_and_retry);
  Asked asked{worker_, agent};
  Call& call = asked.headers();
  turn();
  EXPECT_FALSE(call.done());
  connection_->send(wire::FlowControl{.action = wire::FlowAction::resume});
  connection_->answer(connection_->event());
  ASSERT_TRUE(ends(call));
  EXPECT_TRUE(call.result());
}

TEST_F(FlowControlTest, CallsThatWaitedInVainFail) {
  Agent& agent = paused(FlowControlMode::wait_and_retry, 20ms);
  Asked asked{worker_, agent};
  Call& call = asked.headers();
  ASSERT_TRUE(ends(call));
  EXPECT_EQ(kind_of(call), ErrorKind::flow_control_paused);
}

TEST_F(FlowControlTest, PauseHoldsForExchangesUnderWay) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  Asked asked{worker_, agent};
  Call& head = asked.headers();
  const auto event = connection.event();
  connection.send(wire::FlowControl{.action = wire::FlowAction::pause});
  connection.answer(event);
  ASSERT_TRUE(ends(head));
  EXPECT_EQ(kind_of(asked.body("x")), ErrorKind::flow_control_paused);
}

}  // namespace
}  // namespace picket::pool
