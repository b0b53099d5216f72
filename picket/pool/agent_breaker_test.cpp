#include "picket/pool/agent.hpp"
#include "picket/pool/testing.hpp"

namespace picket::pool {
namespace {

using namespace std::chrono_literals;
using base::ErrorKind;
using testing::Asked;
using testing::kind_of;
using testing::PlayedConnection;
using wire::FrameType;

class AgentBreakerTest : public testing::PoolTest {};

constexpr base::Duration break_time = 20ms;

AgentSpec touchy(std::uint32_t failure_threshold = 1) {
  AgentSpec spec;
  spec.breaker = {.failure_threshold = failure_threshold, .success_threshold = 1, .open_for = break_time};
  return spec;
}

TEST_F(AgentBreakerTest, TimeoutsOnAConnectionThatPongsDoNotOpenTheBreaker) {
  Agent& agent = add(quick(), touchy());
  auto connection = ready(agent);
  for (int i = 0; i < 5; ++i) {
    Asked asked{worker_, agent};
    Call& call = asked.headers("/slow", in(10ms));
    ASSERT_EQ(connection.event().type, FrameType::request_headers) << i;
    ASSERT_TRUE(ends(call));
    ASSERT_EQ(kind_of(call), ErrorKind::timeout);
    asked.end();
    ASSERT_EQ(connection.event().type, FrameType::cancel);
    ASSERT_EQ(connection.event().type, FrameType::request_complete);
    turn();
  }
  EXPECT_EQ(agent.breaker_state(), Breaker::State::closed);
}

TEST_F(AgentBreakerTest, BreakerOpensOnDeadConnectionsAndClosesWithASuccessfulProbe) {
  Agent& agent = add(quick(), touchy(2));
  lose_a_connection(agent);
  EXPECT_EQ(agent.breaker_state(), Breaker::State::closed);
  lose_a_connection(agent);
  EXPECT_EQ(agent.breaker_state(), Breaker::State::open);
  auto connection = ready(agent);
  transport::testing::turn_for(worker_, break_time * 2);
  Asked one{worker_, agent};
  Asked two{worker_, agent};
  Call& probe = one.headers();
  EXPECT_EQ(kind_of(two.headers()), ErrorKind::circuit_open) << "one probe at a time";
  EXPECT_EQ(agent.metrics().breaker_refusals.value(), 1U);
  connection.answer(connection.event());
  ASSERT_TRUE(ends(probe));
  EXPECT_EQ(agent.breaker_state(), Breaker::State::closed);
}

TEST_F(AgentBreakerTest, ConnectionsThatEndAfterTheAgentSaidSoDoNotOpenTheBreaker) {
  Agent& agent = add(quick(), touchy(1));
  {
    auto connection = ready(agent);
    connection.send(wire::HealthStatus{.agent_id = "a", .state = wire::HealthState::draining});
  }
  ASSERT_TRUE(until([&] { return agent.metrics().connections_lost.value() == 1; }));
  EXPECT_EQ(agent.breaker_state(), Breaker::State::closed);
  lose_a_connection(agent);
  EXPECT_EQ(agent.breaker_state(), Breaker::State::open) << "the next connection has said nothing yet";
}

AgentSpec lastingly_touchy() {
  AgentSpec spec = touchy();
  spec.breaker.open_for = 1h;
  return spec;
}

TEST_F(AgentBreakerTest, OpenBreakerRefusesAtOnce) {
  Agent& agent = add(quick(2), lastingly_touchy());
  auto stays = ready(agent);
  {
    auto dies = ready(agent);
  }
  ASSERT_TRUE(until([&] { return agent.ready_connections() == 1; }));
  Asked asked{worker_, agent};
  EXPECT_EQ(kind_of(asked.headers()), ErrorKind::circuit_open);
}

TEST_F(AgentBreakerTest, OneCrashIsOneFailureHoweverManyConnectionsItTakesAlong) {
  Agent& agent = add(quick(8), touchy(2));
  for (int crash = 1; crash <= 2; ++crash) {
    std::deque<PlayedConnection> connections;
    for (int i = 0; i < 8; ++i) connections.push_back(ready(agent));
    EXPECT_EQ(agent.breaker_state(), Breaker::State::closed) << "after " << crash - 1;
    connections.clear();
    ASSERT_TRUE(until([&] { return agent.metrics().connections_lost.value() == 8U * crash; }));
  }
  EXPECT_EQ(agent.breaker_state(), Breaker::State::open);
}

TEST_F(AgentBreakerTest, AnAgentThatIsConnectedToAgainIsTriedAtOnce) {
  Agent& agent = add(quick(), lastingly_touchy());
  lose_a_connection(agent);
  ASSERT_EQ(agent.breaker_state(), Breaker::State::open);
  auto connection = ready(agent);
  EXPECT_EQ(agent.breaker_state(), Breaker::State::half_open);
  Asked asked{worker_, agent};
  Call& probe = asked.headers();
  connection.answer(connection.event());
  ASSERT_TRUE(ends(probe));
  EXPECT_TRUE(probe.result());
  EXPECT_EQ(agent.breaker_state(), Breaker::State::closed);
}

TEST_F(AgentBreakerTest, AnAgentThatDiesOnItsFirstEventIsTriedOnceASecond) {
  Agent& agent = add(quick(2));
  const auto began = base::Clock::now();
  int tried = 0;
  while (base::Clock::now() - began < 2500ms) {
    std::deque<PlayedConnection> connections;
    for (int i = 0; i < 2; ++i) connections.push_back(ready(agent));
    Asked asked{worker_, agent};
    Call& call = asked.headers("/", in(100ms));
    ASSERT_TRUE(call.done() ||
                until([&] { return connections[0].peer.has_input() || connections[1].peer.has_input(); }));
    tried += call.done() ? 0 : 1;
    connections.clear();  // the crash
    ASSERT_TRUE(until([&] { return call.done() && agent.ready_connections() == 0; }));
  }
  EXPECT_GE(tried, 3);
  EXPECT_LE(tried, 4) << "twice at first, then once a second";
}

TEST_F(AgentBreakerTest, ProbesGiveTheirPlaceBackHoweverTheyEnd) {
  Agent& agent = add(quick(), touchy());
  lose_a_connection(agent);
  auto connection = ready(agent);
  transport::testing::turn_for(worker_, break_time * 2);
  for (const bool times_out : {true, false, true, false, true}) {
    Asked asked{worker_, agent};
    Call& probe = asked.headers("/", times_out ? in(10ms) : base::Deadline{});
    ASSERT_FALSE(probe.done()) << probe.result().error().message();
    if (times_out) {
      ASSERT_TRUE(ends(probe));
    }
    asked.end();  // abandons the others
    for (auto type = FrameType::ping; type != FrameType::request_complete;) type = connection.event().type;
    turn();
  }
}

}  // namespace
}  // namespace picket::pool
