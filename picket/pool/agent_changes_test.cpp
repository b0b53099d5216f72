#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picket/pool/testing.hpp"

/// An agent that changes while it serves: its configuration, and the process behind its connections.
namespace picket::pool {
namespace {

using namespace std::chrono_literals;
using testing::Asked;
using ::testing::HasSubstr;
using testing::PlayedConnection;
using OfferState = Agent::OfferState;

/// What was said about configurations.
struct Heard final : Observer {
  void on_configured(std::string_view, const base::Status& outcome) override {
    said.push_back(outcome ? "taken" : outcome.error().detail());
  }
  std::vector<std::string> said;
};

class AgentChanges : public testing::PoolTest {
 protected:
  Agent& configured(std::uint32_t connections = 2) {
    spec_ = {.id = "a", .endpoint = folder_.socket().text(), .config_json = R"({"level":1})"};
    spec_.config = quick(connections);
    return observed_.add_agent(spec_).value().get();
  }
  /// A connection on which the agent took what it was given.
  PlayedConnection opened(Agent& agent, std::string_view config = R"({"level":1})") {
    const std::size_t before = agent.ready_connections();
    PlayedConnection connection = accept();
    decide(connection, config);
    EXPECT_TRUE(until([&] { return agent.ready_connections() == before + 1; }));
    return connection;
  }
  /// The agent is given that, and takes it, or refuses it with these words.
  void decide(PlayedConnection& connection, std::string_view config, std::string_view refusal = {}) {
    const auto frame = connection.peer.receive();
    ASSERT_TRUE(frame);
    base::Arena arena;
    const auto given = frame->as<wire::Configure>(wire::Format{}, arena);
    EXPECT_EQ(wire::to_json(given.config), config);
    wire::AgentResponse response{.correlation_id = given.correlation_id};
    if (!refusal.empty()) response.decision = wire::Block{.status = 500, .body = refusal};
    connection.send(response);
  }
  bool comes_to(Agent& agent, OfferState state) {
    return until([&] { return agent.offer_state() == state; });
  }

  Heard heard_;
  AgentPool observed_{worker_, {}, &heard_};
  AgentSpec spec_;
};

TEST_F(AgentChanges, AConfigurationIsTakenByAllThatServeAndByThoseToCome) {
  Agent& agent = configured();
  auto one = opened(agent);
  auto two = opened(agent);
  ASSERT_TRUE(agent.offer(R"({"level":2})"));
  EXPECT_EQ(agent.offer_state(), OfferState::pending);
  decide(one, R"({"level":2})");
  turn();
  EXPECT_EQ(agent.offer_state(), OfferState::pending);
  decide(two, R"({"level":2})");
  ASSERT_TRUE(comes_to(agent, OfferState::accepted));
  EXPECT_EQ(agent.spec().config_json, R"({"level":1})") << "not before it is adopted";
  agent.adopt();
  EXPECT_EQ(agent.spec().config_json, R"({"level":2})");
  EXPECT_THAT(heard_.said, ::testing::ElementsAre("taken"));
  two.peer.close();
  ASSERT_TRUE(until([&] { return agent.ready_connections() == 1; }));
  auto three = opened(agent, R"({"level":2})");
  EXPECT_EQ(agent.metrics().connections_lost.value(), 1U);
}

TEST_F(AgentChanges, ARefusalGivesTheOldOneBackToWhoeverHadTakenTheNew) {
  Agent& agent = configured();
  auto one = opened(agent);
  auto two = opened(agent);
  ASSERT_TRUE(agent.offer(R"({"level":2})"));
  decide(one, R"({"level":2})");
  decide(two, R"({"level":2})", "no level 2");
  ASSERT_TRUE(comes_to(agent, OfferState::refused));
  EXPECT_EQ(agent.offer_refusal(), "no level 2");
  decide(one, R"({"level":1})");
  agent.adopt();
  EXPECT_EQ(agent.spec().config_json, R"({"level":1})");
  agent.withdraw();
  EXPECT_EQ(agent.offer_state(), OfferState::none);
  EXPECT_EQ(agent.ready_connections(), 2U);
  EXPECT_THAT(heard_.said, ::testing::ElementsAre("no level 2"));
}

TEST_F(AgentChanges, WhatIsWithdrawnIsTakenBack) {
  Agent& agent = configured(1);
  auto one = opened(agent);
  ASSERT_TRUE(agent.offer(R"({"level":2})"));
  agent.withdraw();
  decide(one, R"({"level":2})");
  decide(one, R"({"level":1})");
  turn();
  EXPECT_EQ(agent.ready_connections(), 1U);
  EXPECT_EQ(agent.spec().config_json, R"({"level":1})");
}

TEST_F(AgentChanges, AnAgentThatEndsOverItHasRefusedIt) {
  Agent& agent = configured(1);
  {
    auto one = opened(agent);
    ASSERT_TRUE(agent.offer(R"({"level":2})"));
    (void)one.peer.receive();
    one.peer.close();
  }
  ASSERT_TRUE(comes_to(agent, OfferState::refused));
  EXPECT_THAT(*agent.offer_refusal(), HasSubstr("ended before it had decided"));
  auto again = opened(agent, R"({"level":1})");
}

TEST_F(AgentChanges, AConnectionThatBeganWithTheOldOneIsGivenTheNew) {
  Agent& agent = configured();
  auto one = opened(agent);
  ASSERT_TRUE(agent.offer(R"({"level":2})"));
  decide(one, R"({"level":2})");
  ASSERT_TRUE(comes_to(agent, OfferState::accepted));
  auto late = accept();
  agent.adopt();
  decide(late, R"({"level":1})");
  decide(late, R"({"level":2})");
  EXPECT_TRUE(until([&] { return agent.ready_connections() == 2; }));
}

TEST_F(AgentChanges, WhoDoesNotTakeWhatItShallHaveIsDialledAgain) {
  Agent& agent = configured(1);
  auto one = opened(agent);
  ASSERT_TRUE(agent.offer(R"({"level":2})"));
  decide(one, R"({"level":2})");
  agent.withdraw();
  decide(one, R"({"level":1})", "not again");
  EXPECT_TRUE(until([&] { return agent.ready_connections() == 0; }));
  auto two = opened(agent, R"({"level":1})");
}

TEST_F(AgentChanges, AnExchangeGoesOnMeanwhile) {
  Agent& agent = configured(1);
  auto one = opened(agent);
  Asked asked{worker_, agent};
  Call& call = asked.headers();
  const auto event = one.event();
  ASSERT_TRUE(agent.offer(R"({"level":2})"));
  one.answer(event);
  ASSERT_TRUE(ends(call));
  EXPECT_TRUE(call.result());
  decide(one, R"({"level":2})");
  EXPECT_TRUE(comes_to(agent, OfferState::accepted));
}

TEST_F(AgentChanges, ThePoolChangesItInPlace) {
  Agent& agent = configured(1);
  auto one = opened(agent);
  spec_.config_json = R"({"level":2})";
  const auto changed = observed_.change_agent(spec_);
  ASSERT_TRUE(changed);
  EXPECT_EQ(&changed->get(), &agent);
  decide(one, R"({"level":2})");
  EXPECT_TRUE(until([&] { return agent.spec().config_json == R"({"level":2})"; }));
  spec_.config_json = "{";
  EXPECT_FALSE(observed_.change_agent(spec_));
  spec_.config_json.reset();
  const auto other = observed_.change_agent(spec_);
  ASSERT_TRUE(other);
  EXPECT_NE(&other->get(), &agent) << "nothing says none to a connection that has one";
}

TEST_F(AgentChanges, AConnectionThatIsClosedHasNothingToDecide) {
  Agent& agent = configured(1);
  auto one = opened(agent);
  ASSERT_TRUE(agent.offer(R"({"level":2})"));
  EXPECT_EQ(agent.offer_state(), OfferState::pending);
  agent.drain();  // it closes where nothing is under way
  EXPECT_EQ(agent.offer_state(), OfferState::accepted);
  agent.withdraw();
  EXPECT_TRUE(agent.closed());
}

TEST_F(AgentChanges, WhatAllHaveTakenWhoAreLeftIsAdopted) {
  Agent& agent = configured();
  auto one = opened(agent);
  Asked asked{worker_, agent};
  asked.headers();
  (void)one.event();
  auto two = opened(agent);
  ASSERT_TRUE(agent.offer(R"({"level":2})"));
  agent.adopt();
  decide(one, R"({"level":2})");
  turn();
  EXPECT_EQ(agent.spec().config_json, R"({"level":1})");
  agent.drain();  // two is asked nothing
  EXPECT_EQ(agent.ready_connections(), 1U);
  EXPECT_EQ(agent.spec().config_json, R"({"level":2})");
}

TEST_F(AgentChanges, NobodyIsAskedWhereNobodyIsThere) {
  Agent& agent = configured(1);
  ASSERT_TRUE(agent.offer(R"({"level":2})"));
  EXPECT_EQ(agent.offer_state(), OfferState::accepted);
  agent.adopt();
  EXPECT_EQ(agent.spec().config_json, R"({"level":2})");
}

// ---- restarts

TEST_F(AgentChanges, ARestartDrainsOneConnectionAfterTheOther) {
  Agent& agent = add(quick(2));
  std::optional<PlayedConnection> one{ready(agent)};
  std::optional<PlayedConnection> two{ready(agent)};
  Asked asked{worker_, agent};
  Call& call = asked.headers();
  const auto event = one->event();
  agent.restart(60s);
  auto three = ready(agent);
  EXPECT_EQ(agent.ready_connections(), 3U) << "the second one waits for the first, which is asked something";
  one->answer(event);
  ASSERT_TRUE(ends(call));
  asked.end();
  auto four = accept();
  EXPECT_TRUE(until([&] { return agent.ready_connections() == 2; }));
  Asked next{worker_, agent};
  Call& after = next.headers();
  turn();
  EXPECT_FALSE(after.done());
}

TEST_F(AgentChanges, WhenItsGraceIsOverAllThatAreLeftEnd) {
  Agent& agent = add(quick(1));
  auto one = ready(agent);
  Asked asked{worker_, agent};
  Call& call = asked.headers();
  agent.restart(50ms);
  ASSERT_TRUE(ends(call));
  EXPECT_EQ(testing::kind_of(call), base::ErrorKind::connection_closed);
  EXPECT_EQ(agent.breaker_state(), Breaker::State::closed);
}

}  // namespace
}  // namespace picket::pool
