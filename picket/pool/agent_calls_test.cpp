#include "picket/pool/agent.hpp"
#include "picket/pool/testing.hpp"

namespace picket::pool {
namespace {

using namespace std::chrono_literals;
using base::ErrorKind;
using testing::Asked;
using testing::extended;
using testing::kind_of;
using testing::PlayedConnection;
using wire::FrameType;

class AgentCallsTest : public testing::PoolTest {};

/// Reads up to the next ping and does not answer it.
void await_ping(PlayedConnection& connection) {
  auto frame = connection.peer.receive();
  while (frame && frame->type() != FrameType::ping) frame = connection.peer.receive();
  ASSERT_TRUE(frame);
}

// ---- the queue

AgentSpec one_at_a_time() {
  AgentSpec spec;
  spec.max_concurrent_calls = 1;
  return spec;
}

TEST_F(AgentCallsTest, CallsBeyondTheLimitWaitTheirTurnInOrder) {
  Agent& agent = add(quick(), one_at_a_time());
  auto connection = ready(agent);
  std::deque<Asked> asked;
  for (int i = 0; i < 8; ++i) asked.emplace_back(worker_, agent).headers("/" + std::to_string(i));
  EXPECT_EQ(agent.metrics().waiting.value(), 7);
  for (int i = 0; i < 8; ++i) {
    const auto event = connection.event();
    EXPECT_EQ(event.uri, "/" + std::to_string(i));
    EXPECT_FALSE(connection.peer.has_input()) << "more in flight than allowed";
    connection.answer(event);
  }
  EXPECT_TRUE(until([&] { return agent.metrics().answered.value() == 8; }));
}

TEST_F(AgentCallsTest, ConnectionThatIsFullMakesCallsWait) {
  Config config = quick();
  config.max_concurrent_per_connection = 1;
  Agent& agent = add(config);
  auto connection = ready(agent);
  Asked one{worker_, agent};
  Asked two{worker_, agent};
  one.headers("/1");
  Call& second = two.headers("/2");
  EXPECT_EQ(agent.metrics().waiting.value(), 1);
  connection.answer(connection.event());
  connection.answer(connection.event());
  ASSERT_TRUE(ends(second));
  EXPECT_TRUE(second.result());
}

TEST_F(AgentCallsTest, WaitingCountsAgainstTheDeadline) {
  Agent& agent = add(quick(), one_at_a_time());
  auto connection = ready(agent);
  Asked one{worker_, agent};
  Asked two{worker_, agent};
  Call& first = one.headers("/1");
  Call& second = two.headers("/2", in(20ms));
  ASSERT_TRUE(ends(second));
  EXPECT_EQ(kind_of(second), ErrorKind::timeout);
  EXPECT_EQ(agent.metrics().waiting.value(), 0);
  connection.answer(connection.event());
  ASSERT_TRUE(ends(first));
  turn();
  EXPECT_FALSE(connection.peer.has_input()) << "the agent was asked although nobody waits for it";
}

TEST_F(AgentCallsTest, QueueIsBounded) {
  Config config = quick();
  config.channel_buffer_size = 2;
  Agent& agent = add(config, one_at_a_time());
  auto connection = ready(agent);
  std::deque<Asked> asked;
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(asked.emplace_back(worker_, agent).headers().done());
  Call& over = asked.emplace_back(worker_, agent).headers();
  EXPECT_EQ(kind_of(over), ErrorKind::unavailable);
  EXPECT_TRUE(over.overloaded());
}

TEST_F(AgentCallsTest, CallsThatWaitForAFullConnectionKeepTheirOrder) {
  Config config = quick();
  config.max_concurrent_per_connection = 1;
  Agent& agent = add(config);
  auto connection = ready(agent);
  std::deque<Asked> asked;
  for (int i = 0; i < 8; ++i) asked.emplace_back(worker_, agent).headers("/" + std::to_string(i));
  for (int i = 0; i < 8; ++i) {
    const auto event = connection.event();
    EXPECT_EQ(event.uri, "/" + std::to_string(i));
    connection.answer(event);
  }
  EXPECT_TRUE(until([&] { return agent.metrics().answered.value() == 8; }));
}

TEST_F(AgentCallsTest, AbandonedWaiterLeavesTheQueue) {
  Agent& agent = add(quick(), one_at_a_time());
  auto connection = ready(agent);
  std::deque<Asked> asked;
  for (int i = 0; i < 4; ++i) asked.emplace_back(worker_, agent).headers(i == 3 ? "/3" : "/");
  asked[1].end();
  asked[2].end();
  EXPECT_EQ(agent.metrics().waiting.value(), 1);
  connection.answer(connection.event());
  EXPECT_EQ(connection.event().uri, "/3");
}

TEST_F(AgentCallsTest, EverybodyFailsAtOnceWhenTheLastConnectionDies) {
  Agent& agent = add(quick(), one_at_a_time());
  auto connection = ready(agent);
  Asked one{worker_, agent};
  Asked two{worker_, agent};
  Call& in_flight = one.headers("/", in(20s));
  Call& waiting = two.headers("/", in(20s));
  (void)connection.event();
  const auto before = base::Clock::now();
  connection.peer.close();
  ASSERT_TRUE(ends(in_flight));
  ASSERT_TRUE(ends(waiting));
  EXPECT_LT(base::Clock::now() - before, 10s);
  EXPECT_EQ(kind_of(in_flight), ErrorKind::connection_closed);
  EXPECT_EQ(kind_of(waiting), ErrorKind::unavailable);
  EXPECT_EQ(agent.metrics().in_flight.value(), 0);
  EXPECT_EQ(agent.metrics().waiting.value(), 0);
}

// ---- agents that answer badly

TEST_F(AgentCallsTest, AnswersToNobodyAreCountedAndDropped) {
  Agent& agent = add(quick());
  auto connection = ready(agent, {.format = extended});
  Asked asked{worker_, agent};
  Call& call = asked.headers();
  const auto event = connection.event();
  auto forged = event;
  forged.id.back() = forged.id.back() == '0' ? '1' : '0';
  connection.answer(forged, {.decision = wire::Block{}});
  auto other_event = event;
  other_event.type = FrameType::response_headers;
  connection.answer(other_event, {.decision = wire::Block{}});
  connection.answer(event);
  connection.answer(event, {.decision = wire::Block{}});
  ASSERT_TRUE(ends(call));
  EXPECT_TRUE(std::holds_alternative<wire::Allow>(call.response().decision));
  EXPECT_TRUE(until([&] { return agent.metrics().responses_dropped.value() == 3; }));
}

TEST_F(AgentCallsTest, GarbageEndsTheConnectionAndItsCalls) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  Asked asked{worker_, agent};
  Call& call = asked.headers();
  (void)connection.event();
  connection.peer.send_frame(FrameType::agent_response, R"({"version":2,"decision":)");
  ASSERT_TRUE(ends(call));
  EXPECT_EQ(kind_of(call), ErrorKind::invalid_message);
  EXPECT_TRUE(connection.peer.ends());
}

TEST_F(AgentCallsTest, FrozenAgentCostsOneTimeoutHoweverManyConnectionsItHas) {
  Agent& agent = add(quick(3));
  std::deque<PlayedConnection> connections;
  for (int i = 0; i < 3; ++i) connections.push_back(ready(agent));
  Asked under_way{worker_, agent};
  Call& answered = under_way.headers();
  turn();
  for (auto& connection : connections)
    if (connection.peer.has_input()) connection.answer(connection.event());
  ASSERT_TRUE(ends(answered));

  Asked one{worker_, agent};
  Call& first = one.headers("/", in(20ms));
  ASSERT_TRUE(ends(first));
  EXPECT_EQ(kind_of(first), ErrorKind::timeout);
  // Those who come now wait for a pong, at most for the grace; neither they nor those after them for their deadline.
  Asked two{worker_, agent};
  Call& second = two.headers("/", in(20s));
  Call& next_event = under_way.body("x", true, in(20s));
  EXPECT_FALSE(second.done());
  ASSERT_TRUE(ends(second));
  ASSERT_TRUE(ends(next_event));
  EXPECT_EQ(kind_of(second), ErrorKind::unavailable);
  EXPECT_EQ(kind_of(next_event), ErrorKind::unavailable);
  Asked three{worker_, agent};
  EXPECT_EQ(kind_of(three.headers("/", in(20s))), ErrorKind::unavailable) << "it must not wait for what is frozen";
}

TEST_F(AgentCallsTest, SilentAgentIsPingedOnEveryConnectionBeforeTheTimeout) {
  Agent& agent = add(quick(2));
  auto first = ready(agent);
  auto second = ready(agent);
  Asked one{worker_, agent};
  Call& call = one.headers("/", in(200ms));
  turn();
  PlayedConnection& asked = first.peer.has_input() ? first : second;
  EXPECT_EQ(asked.event().type, FrameType::request_headers);
  EXPECT_EQ(asked.peer.receive()->type(), FrameType::ping) << "not the time-out's cancel";
  await_ping(&asked == &first ? second : first);
  ASSERT_TRUE(ends(call));
}

TEST_F(AgentCallsTest, SlowEvaluationOfALiveAgentFailsNobodyElse) {
  Agent& agent = add(quick(2));
  auto first = ready(agent);
  auto second = ready(agent);
  Asked slow{worker_, agent};
  Call& timed_out = slow.headers("/slow", in(20ms));
  ASSERT_TRUE(ends(timed_out));
  slow.end();
  Asked other{worker_, agent};
  Call& call = other.headers("/other");
  for (auto* const connection : {&first, &second}) await_ping(*connection);
  EXPECT_FALSE(call.done()) << "no pong has come";
  EXPECT_EQ(agent.metrics().waiting.value(), 1);
  for (auto* const connection : {&first, &second}) connection->send(wire::Pong{.sequence = 1});
  ASSERT_TRUE(until([&] { return agent.metrics().waiting.value() == 0; }));
  turn();
  for (auto* const connection : {&first, &second})
    while (connection->peer.has_input())
      if (const auto event = connection->event(); event.uri == "/other") connection->answer(event);
  ASSERT_TRUE(ends(call));
  EXPECT_TRUE(call.result());
}

TEST_F(AgentCallsTest, FrozenAgentThatThawsIsUsedAgain) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  Asked one{worker_, agent};
  Call& first = one.headers("/", in(20ms));
  ASSERT_TRUE(ends(first));
  one.end();
  EXPECT_EQ(connection.event().type, FrameType::request_headers);
  EXPECT_EQ(connection.event().type, FrameType::cancel);
  EXPECT_EQ(connection.event().type, FrameType::request_complete);  // the ping stood before it and was answered
  turn();
  Asked two{worker_, agent};
  Call& second = two.headers();
  connection.answer(connection.event());
  ASSERT_TRUE(ends(second));
  EXPECT_TRUE(second.result());
}

}  // namespace
}  // namespace picket::pool
