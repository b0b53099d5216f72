#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picket/pool/agent.hpp"
#include "picket/pool/agent_pool.hpp"
#include "picket/pool/reverse/testing.hpp"
#include "picket/pool/testing.hpp"

/// Agents of the pool whose connections are accepted: from the registration to the answer to an event.
namespace picket::pool::reverse {
namespace {

using namespace std::chrono_literals;
using pool::testing::Asked;
using pool::testing::kind_of;
using ::testing::HasSubstr;
using testing::PlayedAgent;

class ReverseAgentTest : public testing::ReverseTest {
 protected:
  ReverseAgentTest() {
    use({.claims = {{"edge", {"edge-*"}}}});
    deliver_ = [this](Connection connection) { pool_.add_reverse_connection(std::move(connection)); };
  }
  Agent& add(AgentSpec spec = {}) {
    spec.id = "edge";
    spec.reverse = {"edge-*"};
    return pool_.add_agent(spec).value().get();
  }
  PlayedAgent ready(Agent& agent, const std::string& id = "edge-1") {
    const std::size_t before = agent.ready_connections();
    PlayedAgent played = dial(*listeners_.front());
    EXPECT_TRUE(played.registers({id}).success);
    EXPECT_TRUE(until([&] { return agent.ready_connections() == before + 1; }));
    return played;
  }
  bool ends(const Call& call) {
    return until([&] { return call.done(); });
  }
  void allow(PlayedAgent& agent) {
    const auto frame = agent.peer.receive_past(wire::FrameType::ping);
    ASSERT_TRUE(frame);
    base::Arena arena;
    const auto event = frame->as<wire::RequestHeaders>(wire::Format{}, arena);
    agent.peer.send(wire::Format{}, wire::AgentResponse{.correlation_id = event.metadata.correlation_id});
  }

  AgentPool pool_{worker_};
};

TEST_F(ReverseAgentTest, IsAskedOnceItHasDialled) {
  listen();
  Agent& agent = add();
  Asked too_early{worker_, agent};
  Call& refused = too_early.headers();
  ASSERT_TRUE(refused.done()) << "the failure mode decides at once";
  EXPECT_EQ(kind_of(refused), base::ErrorKind::unavailable);
  EXPECT_THAT(refused.result().error().detail(), HasSubstr("has not dialled in"));

  PlayedAgent played = ready(agent);
  Asked asked{worker_, agent};
  Call& call = asked.headers();
  allow(played);
  ASSERT_TRUE(ends(call));
  EXPECT_TRUE(call.result());
  EXPECT_EQ(agent.metrics().connections_opened.value(), 1U);
}

TEST_F(ReverseAgentTest, ItsConfigurationIsInTheAnswerAndFollowsIt) {
  listen();
  Agent& agent = add({.config_json = R"({"level":3})"});
  PlayedAgent played = dial(*listeners_.front());
  EXPECT_TRUE(played.registers().success);
  const auto frame = played.peer.receive();
  ASSERT_TRUE(frame);
  base::Arena arena;
  EXPECT_EQ(wire::to_json(frame->as<wire::Configure>(wire::Format{}, arena).config), R"({"level":3})");
  EXPECT_EQ(agent.ready_connections(), 0U);
  played.peer.send(wire::Format{}, wire::AgentResponse{.correlation_id = "picket-configure"});
  EXPECT_TRUE(until([&] { return agent.ready_connections() == 1; }));
}

TEST_F(ReverseAgentTest, OneThatGoesIsMissedAtOnceAndMayComeBack) {
  listen();
  Agent& agent = add();
  {
    PlayedAgent played = ready(agent);
    Asked asked{worker_, agent};
    Call& pending = asked.headers();
    ASSERT_TRUE(played.peer.receive());
    played.peer.close();
    ASSERT_TRUE(ends(pending));
    EXPECT_EQ(kind_of(pending), base::ErrorKind::connection_closed);
  }
  EXPECT_EQ(agent.ready_connections(), 0U);
  EXPECT_TRUE(until([&] { return registry_.metrics().connections.value() == 0; })) << "its seat is free";
  Asked asked{worker_, agent};
  EXPECT_TRUE(asked.headers().done()) << "nobody is dialled";
  for (int i = 0; i < 20; ++i) {
    {
      const PlayedAgent again = ready(agent);
    }
    ASSERT_TRUE(until([&] { return agent.ready_connections() == 0; }));
  }
  EXPECT_EQ(agent.metrics().connections_opened.value(), 21U);
}

TEST_F(ReverseAgentTest, EventsAreSpreadOverItsConnections) {
  listen();
  Agent& agent = add();
  PlayedAgent first = ready(agent, "edge-1");
  PlayedAgent second = ready(agent, "edge-2");
  Asked one{worker_, agent};
  Asked two{worker_, agent};
  Call& of_one = one.headers();
  Call& of_two = two.headers();
  allow(first);
  allow(second);
  EXPECT_TRUE(ends(of_one) && ends(of_two));
}

TEST_F(ReverseAgentTest, OneThatSaysItDrainsIsAskedNothingNew) {
  listen();
  Agent& agent = add();
  PlayedAgent leaving = ready(agent);
  leaving.peer.send(wire::Format{}, wire::HealthStatus{.agent_id = "a", .state = wire::HealthState::draining});
  EXPECT_TRUE(until([&] {
    Asked asked{worker_, agent};
    return asked.headers().done();
  }));
}

TEST_F(ReverseAgentTest, OneOfAnAgentThatDrainsOrIsNotThereIsToldSo) {
  listen();
  PlayedAgent nobodys = dial(*listeners_.front());
  EXPECT_THAT(nobodys.registers().error, HasSubstr("does not wait for agents that feed 'edge'"));
  Agent& agent = add();
  PlayedAgent served = ready(agent);
  pool_.drain();
  EXPECT_TRUE(served.peer.ends());
  PlayedAgent late = dial(*listeners_.front());
  EXPECT_THAT(late.registers().error, HasSubstr("does not wait"));
  EXPECT_TRUE(pool_.drained());
}

TEST_F(ReverseAgentTest, ASpecificationThatCannotBeMeantSoIsRefused) {
  EXPECT_FALSE(pool_.add_agent({.id = "a", .reverse = {"x*y"}}));
  EXPECT_FALSE(pool_.add_agent({.id = "a", .endpoint = "unix:/tmp/x", .reverse = {"a"}}));
}

}  // namespace
}  // namespace picket::pool::reverse
