#include "apps/gateway/generation/agents.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>

#include "picket/inspection/testing/scripted_agent.hpp"
#include "picket/transport/testing.hpp"

namespace picket::apps::gateway::generation {
namespace {

using inspection::testing::ScriptedAgent;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using transport::testing::turn_until;

/// Agents of one configuration after the other, each as a reload makes them.
class Reloads : public ::testing::Test {
 protected:
  config::Agent agent(const std::string& id) {
    return {.id = id, .path = (folder_.path() / id).string(), .events = {.request_headers = true}};
  }
  Agents make(std::vector<config::Agent> agents, const Agents* previous = nullptr) {
    return Agents::make(worker_, 0, log_, {.agents = std::move(agents)}, previous).value();
  }
  bool are_ready(const Agents& agents) {
    return turn_until(worker_, [&] { return agents.readiness().is_complete; });
  }

  transport::testing::TemporaryFolder folder_;
  transport::Worker worker_;
  spdlog::logger log_{"nowhere"};
};

TEST_F(Reloads, OtherResolversAreAChangeOnlyOfAgentsThatAreReachedByAName) {
  const auto with_resolver = [&](const std::string& server, const Agents* previous) {
    auto named = agent("named");
    named.transport = config::AgentTransport::tcp;
    named.address = "waf.invalid:1";
    named.is_named = named.insecure = true;
    config::Config config{.system = {}, .agents = {agent("a"), named}};
    config.system.resolvers = {server};
    return Agents::make(worker_, 0, log_, config, previous).value();
  };
  const Agents first = with_resolver("127.0.0.1:1", nullptr);
  const Agents same = with_resolver("127.0.0.1:1", &first);
  EXPECT_EQ(same.find("named"), first.find("named"));
  const Agents other = with_resolver("127.0.0.1:2", &first);
  EXPECT_EQ(other.find("a"), first.find("a"));
  EXPECT_NE(other.find("named"), first.find("named"));
}

TEST_F(Reloads, AnAgentThatStaysAsItIsStaysWithItsConnections) {
  const ScriptedAgent a{agent("a").path, {}};
  const ScriptedAgent b{agent("b").path, {}};
  const Agents first = make({agent("a"), agent("b")});
  ASSERT_TRUE(are_ready(first));
  auto changed = agent("b");
  changed.max_concurrent_calls = 7;
  const Agents second = make({changed, agent("a")}, &first);
  EXPECT_EQ(second.all()[1], first.all()[0]);
  EXPECT_NE(second.all()[0], first.all()[1]);
  EXPECT_FALSE(second.readiness().is_complete) << "the changed one has to connect";
  EXPECT_TRUE(are_ready(second));
}

TEST_F(Reloads, WhatTheConfigurationSaysOfAnAgentIsWhatItIsMadeOf) {
  auto configured = agent("a");
  configured.transport = config::AgentTransport::unix_socket;
  configured.events = {.request_body = true, .response_headers = true};
  configured.config_json = R"({"a":1})";
  configured.declared_events_only = true;
  configured.max_concurrent_calls = 3;
  configured.max_waiting_calls = 5;
  const Agents agents = make({configured});
  ASSERT_THAT(agents.all(), SizeIs(1));
  const pool::AgentSpec& spec = agents.all()[0]->spec();
  EXPECT_EQ(spec.endpoint, "unix:" + configured.path);
  EXPECT_EQ(spec.encodings.front(), wire::Encoding::json);
  EXPECT_EQ(spec.events, (std::vector{wire::EventKind::request_body_chunk, wire::EventKind::response_headers}));
  EXPECT_EQ(spec.config_json, R"({"a":1})");
  EXPECT_TRUE(spec.declared_events_only);
  EXPECT_EQ(spec.max_concurrent_calls, 3U);
  EXPECT_EQ(spec.config.value().channel_buffer_size, 5U);
}

TEST_F(Reloads, AgentsOverTcpAreReachedInClearOrOverTls) {
  auto configured = agent("a");
  configured.transport = config::AgentTransport::tcp;
  configured.address = "127.0.0.1:9";
  configured.insecure = true;
  EXPECT_EQ(make({configured}).all()[0]->spec().endpoint, "tcp:127.0.0.1:9");
  configured.insecure = false;
  configured.tls.emplace();
  EXPECT_EQ(make({configured}).all()[0]->spec().endpoint, "tls:127.0.0.1:9");
}

TEST_F(Reloads, AgentsOverGrpcAreReachedAtTheirSocket) {
  auto configured = agent("a");
  configured.transport = config::AgentTransport::grpc_unix;
  EXPECT_EQ(make({configured}).all()[0]->spec().endpoint, "grpc+unix:" + configured.path);
}

TEST_F(Reloads, AgentsOverGrpcAreReachedOverANetwork) {
  auto configured = agent("a");
  configured.address = "127.0.0.1:9";
  configured.transport = config::AgentTransport::grpcs;
  configured.tls.emplace();
  EXPECT_EQ(make({configured}).all()[0]->spec().endpoint, "grpcs:127.0.0.1:9");
  configured.transport = config::AgentTransport::grpc;
  configured.tls.reset();
  configured.insecure = true;
  EXPECT_EQ(make({configured}).all()[0]->spec().endpoint, "grpc:127.0.0.1:9");
}

TEST_F(Reloads, AgentsThatDialAreNotWaitedFor) {
  auto configured = agent("a");
  configured.transport = config::AgentTransport::reverse;
  configured.reverse = {"edge-*"};
  const Agents first = make({configured});
  EXPECT_TRUE(first.all()[0]->spec().endpoint.empty());
  EXPECT_EQ(first.all()[0]->spec().reverse, std::vector<std::string>{"edge-*"});
  EXPECT_TRUE(first.readiness().is_complete);
  configured.max_concurrent_calls = 7;
  EXPECT_TRUE(make({configured}, &first).readiness().is_complete);
  EXPECT_EQ(first.find("a"), first.all()[0]);
  EXPECT_EQ(first.find("b"), nullptr);
}

TEST_F(Reloads, AtTheStartAnAgentThatIsNotThereKeepsNothingBack) {
  const Agents agents = make({agent("a")});
  const Readiness state = agents.readiness();
  EXPECT_FALSE(state.is_complete);
  EXPECT_FALSE(state.missing) << "it takes nothing away: nothing is served yet";
  EXPECT_FALSE(state.refusal);
}

TEST_F(Reloads, AnAgentThatWouldTakeTheOnesPlaceThatServesIsMissed) {
  const ScriptedAgent a{agent("a").path, {}};
  const Agents first = make({agent("a")});
  ASSERT_TRUE(are_ready(first));
  auto moved = agent("a");
  moved.path += ".moved";
  const Agents second = make({moved}, &first);
  const Readiness state = second.readiness();
  EXPECT_FALSE(state.is_complete);
  ASSERT_TRUE(state.missing);
  EXPECT_THAT(*state.missing, HasSubstr("agent \"a\" is not ready"));
  EXPECT_TRUE(turn_until(worker_, [&] {
    return second.readiness().missing->find("cannot connect") != std::string::npos;
  })) << *second.readiness().missing;
}

TEST_F(Reloads, AnAgentInWhosePlaceNobodyServedIsNotMissed) {
  const Agents first = make({});
  const Agents second = make({agent("a")}, &first);
  EXPECT_FALSE(second.readiness().is_complete);
  EXPECT_FALSE(second.readiness().missing);
  const Agents third = make({agent("b"),
                             [&] {
                               auto changed = agent("a");
                               changed.max_concurrent_calls = 7;
                               return changed;
                             }()},
                            &second);
  EXPECT_FALSE(third.readiness().missing) << "the one before was not ready either";
}

}  // namespace
}  // namespace picket::apps::gateway::generation
