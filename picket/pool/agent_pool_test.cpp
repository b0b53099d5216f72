#include "picket/pool/agent_pool.hpp"

#include "picket/pool/testing.hpp"

namespace picket::pool {
namespace {

using namespace std::chrono_literals;
using base::ErrorKind;
using testing::Asked;
using testing::kind_of;
using wire::FrameType;

class AgentPoolTest : public testing::PoolTest {};

TEST_F(AgentPoolTest, AgentIsFoundByItsName) {
  Agent& agent = add(quick());
  EXPECT_EQ(pool_.find("a"), &agent);
  EXPECT_EQ(pool_.find("b"), nullptr);
}

TEST_F(AgentPoolTest, WhatCannotBeAnAgentIsRefusedWithItsName) {
  (void)add(quick());
  const auto kind = [&](const AgentSpec& spec) {
    const auto added = pool_.add_agent(spec);
    EXPECT_FALSE(added);
    EXPECT_NE(added.error().detail().find("'" + spec.id + "'"), std::string::npos) << added.error().detail();
    return added.error().kind();
  };
  EXPECT_EQ(kind({.id = "a", .endpoint = folder_.socket().text()}), ErrorKind::unavailable);
  EXPECT_EQ(kind({.id = "nowhere", .endpoint = "waf.sock"}), ErrorKind::connection_failed);
  EXPECT_EQ(kind({.id = "clear", .endpoint = "tcp:127.0.0.1:1"}), ErrorKind::connection_failed);
  EXPECT_EQ(kind({.id = "tls", .endpoint = "tls:a..b:1"}), ErrorKind::connection_failed);
  EXPECT_EQ(kind({.id = "deep", .endpoint = "unix:/" + std::string(200, 'x')}), ErrorKind::connection_failed);
  EXPECT_EQ(kind({.id = "nobody", .endpoint = folder_.socket().text(), .config = Config{.connections_per_agent = 0}}),
            ErrorKind::connection_failed);
  EXPECT_EQ(kind({.id = "odd", .endpoint = folder_.socket().text(), .config_json = "{"}), ErrorKind::invalid_message);
}

TEST_F(AgentPoolTest, WhereAllAreAskedTwiceNoneCanBeAddedWhoseAnswersDependOnWhatCameBefore) {
  Config config = quick(2);
  config.hedge = HedgeConfig{};
  AgentPool pool{worker_, config};
  const AgentSpec of_heads{.id = "heads", .endpoint = folder_.socket().text()};
  AgentSpec of_bodies{.id = "bodies", .endpoint = folder_.socket().text()};
  of_bodies.events = {wire::EventKind::request_headers, wire::EventKind::request_body_chunk};
  EXPECT_TRUE(pool.add_agent(of_heads));
  EXPECT_FALSE(pool.add_agent(of_bodies)) << "a chunk would be asked where its head never was";
}

TEST_F(AgentPoolTest, ARemovedAgentEndsItsExchangesAndItsIdIsFree) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  Asked under_way{worker_, agent};
  Call& head = under_way.headers();
  connection.answer(connection.event());
  ASSERT_TRUE(ends(head));
  ASSERT_TRUE(pool_.remove_agent("a"));
  EXPECT_EQ(pool_.find("a"), nullptr);
  EXPECT_EQ(pool_.remove_agent("a").error().kind(), ErrorKind::unknown_agent);
  Asked late{worker_, agent};
  EXPECT_EQ(kind_of(late.headers()), ErrorKind::unavailable);
  EXPECT_TRUE(pool_.add_agent({.id = "a", .endpoint = folder_.socket().text()}));
  Call& body = under_way.body("x");
  connection.answer(connection.event());
  ASSERT_TRUE(ends(body));
  EXPECT_TRUE(body.result());
  under_way.end();
  EXPECT_EQ(connection.event().type, FrameType::request_complete);
  EXPECT_TRUE(connection.peer.ends());
}

TEST_F(AgentPoolTest, AnAgentThatDoesNotChangeKeepsItsConnectionsAndAnotherTakesItsPlaceElse) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  AgentSpec spec = agent.spec();
  EXPECT_EQ(&pool_.change_agent(spec)->get(), &agent);
  EXPECT_EQ(agent.ready_connections(), 1U);
  spec.endpoint = "nowhere";
  EXPECT_FALSE(pool_.change_agent(spec));
  EXPECT_EQ(pool_.find("a"), &agent) << "a change that is refused changes nothing";
  spec = agent.spec();
  spec.max_concurrent_calls = 7;
  const auto changed = pool_.change_agent(spec);
  ASSERT_TRUE(changed);
  EXPECT_EQ(pool_.find("a"), &changed->get());
  EXPECT_EQ(changed->get().spec().max_concurrent_calls, 7U);
  EXPECT_TRUE(connection.peer.ends()) << "nothing was under way on it";
  EXPECT_EQ(pool_.change_agent({.id = "b"}).error().kind(), ErrorKind::unknown_agent);
}

TEST_F(AgentPoolTest, HealthSaysHowAnAgentIs) {
  Agent& agent = add(quick());
  EXPECT_EQ(pool_.health("a")->ready, 0U);
  EXPECT_EQ(pool_.health("b").error().kind(), ErrorKind::unknown_agent);
  auto connection = ready(agent);
  connection.send(wire::HealthStatus{.agent_id = "a", .state = wire::HealthState::degraded});
  Asked answered{worker_, agent};
  Call& first = answered.headers();
  connection.answer(connection.event());
  ASSERT_TRUE(ends(first));
  Asked unanswered{worker_, agent};
  Call& second = unanswered.headers("/", in(20ms));
  ASSERT_TRUE(ends(second));
  const auto stats = pool_.stats();
  ASSERT_EQ(stats.size(), 1U);
  const AgentHealth& health = stats.front();
  EXPECT_EQ(health.id, "a");
  EXPECT_EQ(health.connections, 1U);
  EXPECT_EQ(health.ready, 1U);
  EXPECT_EQ(health.state, wire::HealthState::degraded);
  EXPECT_LT(health.success_rate, 1);
  EXPECT_GT(health.success_rate, 0.95);
  EXPECT_GT(health.latency, base::Duration{});
  EXPECT_EQ(health.breaker, Breaker::State::closed);
}

TEST_F(AgentPoolTest, ConfigurationIsDeliveredAndAcceptedBeforeTheConnectionIsUsed) {
  AgentSpec spec;
  spec.config_json = R"({"paranoia":2})";
  Agent& agent = add(quick(), spec);
  auto connection = accept();
  const auto frame = connection.peer.receive();
  ASSERT_TRUE(frame);
  base::Arena arena;
  const auto configure = frame->as<wire::Configure>({}, arena);
  EXPECT_EQ(*configure.config.find("paranoia")->get<std::int64_t>(), 2);
  turn();
  EXPECT_EQ(agent.ready_connections(), 0U);
  connection.answer({.type = FrameType::configure, .id = std::string{configure.correlation_id}});
  EXPECT_TRUE(until([&] { return agent.ready_connections() == 1; }));
}

TEST_F(AgentPoolTest, AgentThatRefusesItsConfigurationIsNotUsed) {
  AgentSpec spec;
  spec.config_json = "{}";
  Agent& agent = add(quick(), spec);
  auto connection = accept();
  base::Arena arena;
  const auto frame = connection.peer.receive();
  ASSERT_TRUE(frame);
  connection.answer(
      {.type = FrameType::configure, .id = std::string{frame->as<wire::Configure>({}, arena).correlation_id}},
      {.decision = wire::Block{.status = 400, .body = "no key 'x'"}});
  EXPECT_TRUE(connection.peer.ends());
  ASSERT_TRUE(until([&] { return agent.metrics().connect_failures.value() == 1; }));
  Asked asked{worker_, agent};
  Call& call = asked.headers();
  ASSERT_EQ(kind_of(call), ErrorKind::unavailable);
  EXPECT_NE(call.result().error().detail().find("no key 'x'"), std::string::npos) << call.result().error().detail();
}

TEST_F(AgentPoolTest, DrainWaitsForExchangesAndTakesNoNewOnes) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  Asked under_way{worker_, agent};
  Call& head = under_way.headers();
  connection.answer(connection.event());
  ASSERT_TRUE(ends(head));
  pool_.drain();
  Asked late{worker_, agent};
  EXPECT_EQ(kind_of(late.headers()), ErrorKind::unavailable);
  EXPECT_FALSE(pool_.drained());
  Call& body = under_way.body("x");
  connection.answer(connection.event());
  ASSERT_TRUE(ends(body));
  EXPECT_TRUE(body.result());
  under_way.end();
  EXPECT_EQ(connection.event().type, FrameType::request_complete);
  EXPECT_TRUE(connection.peer.ends());
  EXPECT_TRUE(pool_.drained());
}

TEST_F(AgentPoolTest, DrainWaitsForExchangesWhoseEndAnAgentWantsToBeToldOf) {
  Agent& agent = add(quick(), {.events = {wire::EventKind::request_complete}});
  auto connection = ready(agent, {.events = {5}});
  Asked one{worker_, agent};
  Asked other{worker_, agent};
  pool_.drain();
  EXPECT_FALSE(pool_.drained());
  one.end();
  EXPECT_EQ(connection.event().id, one.id().text());
  EXPECT_FALSE(pool_.drained());
  other.end();
  EXPECT_EQ(connection.event().id, other.id().text());
  EXPECT_TRUE(connection.peer.ends());
  EXPECT_TRUE(pool_.drained());
}

TEST_F(AgentPoolTest, AgentThatDrainsIsToldTheEndOfWhatBeganBefore) {
  Agent& agent = add(quick(), {.events = {wire::EventKind::request_complete}});
  auto connection = ready(agent, {.events = {5}});
  Asked under_way{worker_, agent};
  connection.send(wire::HealthStatus{.agent_id = "a", .state = wire::HealthState::draining});
  turn();
  under_way.end();
  EXPECT_EQ(connection.event().id, under_way.id().text());
}

TEST_F(AgentPoolTest, DrainGivesUpAtItsTimeout) {
  Config config = quick();
  config.drain_timeout = 20ms;
  Agent& agent = add(config);
  auto connection = ready(agent);
  Asked stuck{worker_, agent};
  Call& call = stuck.headers("/", in(20s));
  (void)connection.event();
  pool_.drain();
  ASSERT_TRUE(ends(call));
  EXPECT_EQ(kind_of(call), ErrorKind::connection_closed);
  EXPECT_TRUE(pool_.drained());
}

TEST_F(AgentPoolTest, WaitersOfADrainingPoolFailAtOnce) {
  AgentSpec spec;
  spec.max_concurrent_calls = 1;
  Agent& agent = add(quick(), spec);
  auto connection = ready(agent);
  Asked one{worker_, agent};
  Asked two{worker_, agent};
  one.headers();
  Call& waiting = two.headers();
  EXPECT_FALSE(waiting.done());
  pool_.drain();
  EXPECT_EQ(kind_of(waiting), ErrorKind::unavailable);
}

TEST_F(AgentPoolTest, AgentThatDrainsKeepsItsExchangesAndGetsNoNewOnes) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  Asked under_way{worker_, agent};
  Call& head = under_way.headers();
  const auto event = connection.event();
  connection.send(wire::HealthStatus{.agent_id = "a", .state = wire::HealthState::draining});
  connection.answer(event);
  ASSERT_TRUE(ends(head));
  Call& body = under_way.body("x");
  connection.answer(connection.event());
  ASSERT_TRUE(ends(body));
  EXPECT_TRUE(body.result());
  Asked late{worker_, agent};
  EXPECT_EQ(kind_of(late.headers()), ErrorKind::unavailable);
}

/// Notes what an operator would be told.
struct Noting final : Observer {
  std::vector<std::string> lines;
  void on_connected(std::string_view agent, const session::AgentInfo& info) override {
    lines.push_back(std::string{agent} + " is " + info.name);
  }
  void on_disconnected(std::string_view agent, const base::Error&, std::uint32_t attempts, bool lasting) override {
    lines.push_back(std::string{agent} + " lost " + std::to_string(attempts) + (lasting ? " lasting" : ""));
  }
  void on_breaker(std::string_view, Breaker::State state) override {
    lines.push_back("breaker " + std::to_string(static_cast<int>(state)));
  }
  void on_health(std::string_view, const wire::HealthStatus& status) override {
    lines.push_back("health " + std::to_string(static_cast<int>(status.state)));
  }
};

TEST_F(AgentPoolTest, ObserverHearsWhatHappens) {
  Noting noting;
  AgentPool pool{worker_, quick(), &noting};
  AgentSpec spec{.id = "b", .endpoint = folder_.socket().text()};
  spec.breaker.failure_threshold = 1;
  Agent& agent = pool.add_agent(spec).value();
  auto connection = ready(agent);
  connection.send(wire::HealthStatus{.agent_id = "a", .state = wire::HealthState::degraded});
  ASSERT_TRUE(until([&] { return noting.lines.size() == 2; }));
  connection.peer.close();
  ASSERT_TRUE(until([&] { return noting.lines.size() == 4; }));
  EXPECT_EQ(noting.lines, (std::vector<std::string>{"b is played", "health 1", "breaker 1", "b lost 1"}));
}

TEST_F(AgentPoolTest, FailuresThatLastAreReportedAsLasting) {
  Noting noting;
  Config config = quick();
  config.max_reconnect_attempts = 1;
  AgentPool pool{worker_, config, &noting};
  (void)pool.add_agent({.id = "b", .endpoint = folder_.socket("nobody").text()}).value();
  ASSERT_TRUE(until([&] { return noting.lines.size() >= 2; }));
  EXPECT_EQ(noting.lines[0], "b lost 1");
  EXPECT_EQ(noting.lines[1], "b lost 2 lasting");
}

TEST(PoolConfig, PresetsAreThoseOfTheReference) {
  const Config fast = Config::low_latency();
  EXPECT_EQ(fast.connections_per_agent, 2U);
  EXPECT_EQ(fast.load_balance_strategy, LoadBalanceStrategy::least_connections);
  EXPECT_EQ(fast.connect_timeout, 1s);
  EXPECT_EQ(fast.flow_control_mode, FlowControlMode::fail_closed);
  EXPECT_EQ(fast.request_timeout, 1s);
  EXPECT_EQ(fast.max_concurrent_per_connection, 50U);
  EXPECT_EQ(fast.health_check_interval, 2s);
  const Config wide = Config::high_throughput();
  EXPECT_EQ(wide.connections_per_agent, 8U);
  EXPECT_EQ(wide.load_balance_strategy, LoadBalanceStrategy::least_connections);
  EXPECT_EQ(wide.max_concurrent_per_connection, 200U);
  EXPECT_EQ(wide.flow_control_mode, FlowControlMode::wait_and_retry);
}

}  // namespace
}  // namespace picket::pool
