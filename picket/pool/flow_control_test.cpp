#include "picket/pool/testing.hpp"

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
