#include <array>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "picket/pool/testing.hpp"
#include "picket/transport/task.hpp"

/// What the pool does about what an agent says of itself.
namespace picket::pool {
namespace {

using namespace std::chrono_literals;
using base::ErrorKind;
using testing::Asked;
using testing::extended;
using testing::kind_of;
using testing::PlayedConnection;

class ControlTest : public testing::PoolTest {
 protected:
  static AgentSpec with_bodies() {
    return {.events = {wire::EventKind::request_headers, wire::EventKind::request_body_chunk}};
  }
  void degrade(PlayedConnection& connection, float multiplier, std::vector<wire::Text> off = {}) {
    connection.send(wire::HealthStatus{.agent_id = "a",
                                       .state = wire::HealthState::degraded,
                                       .disabled_features = off,
                                       .timeout_multiplier = multiplier});
    turn();
  }
};

TEST_F(ControlTest, ADegradedAgentHasAsMuchMoreTimeAsItAsksForUpToTenTimes) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  degrade(connection, 1000);
  Asked asked{worker_, agent};
  const base::TimePoint began = base::Clock::now();
  Call& call = asked.headers("/", in(100ms));
  ASSERT_TRUE(ends(call));
  EXPECT_EQ(kind_of(call), ErrorKind::timeout);
  EXPECT_GE(base::Clock::now() - began, 900ms);
}

TEST_F(ControlTest, WhatADegradedAgentHasSwitchedOffIsNotAsked) {
  Agent& agent = add(quick(), with_bodies());
  auto connection = ready(agent, {.format = extended});
  Asked asked{worker_, agent};
  for (const std::string_view feature : {"request_body_chunk", "streaming_body"}) {
    degrade(connection, 1, {feature, "something of its own"});
    EXPECT_TRUE(asked.body("x").skipped()) << feature;
  }
  degrade(connection, 1, {"something of its own"});
  EXPECT_FALSE(asked.body("x").skipped());
}

TEST_F(ControlTest, WhoDemandsEveryKindIsRefusedWhereOneIsSwitchedOff) {
  Agent& agent = add(quick(), with_bodies());
  auto connection = ready(agent, {.format = extended});
  const base::MintedId id = worker_.ids().mint();
  Exchange before{agent, id, Demand::every_kind};
  wire::RequestHeaders head{.metadata = {.request_id = "r", .protocol = "HTTP/1.1"}, .method = "GET", .uri = "/"};
  Call first = before.request_headers(head);
  connection.answer(connection.event());
  ASSERT_TRUE(ends(first));
  const std::array<wire::Text, 1> off{"request_body_chunk"};
  degrade(connection, 1, {off.begin(), off.end()});
  wire::RequestBodyChunk chunk{.data = base::as_bytes("x"), .is_last = true};
  Call body = before.request_body(chunk);
  EXPECT_EQ(kind_of(body), ErrorKind::unavailable) << "an exchange that has begun does not go on uninspected";
  const base::MintedId other = worker_.ids().mint();
  Exchange after{agent, other, Demand::every_kind};
  Call refused = after.request_headers(head);
  EXPECT_EQ(kind_of(refused), ErrorKind::unavailable);
}

TEST_F(ControlTest, CapacityBoundsWhatIsOnItsWay) {
  Agent& agent = add(quick(), with_bodies());
  auto connection = ready(agent, {.format = extended});
  const std::string data(3000, 'x');
  Asked asked{worker_, agent};
  Call& head = asked.headers();
  connection.answer(connection.event());
  ASSERT_TRUE(ends(head));
  EXPECT_EQ(asked.exchange().body_room(), session::unlimited);
  connection.send(wire::FlowControl{.action = wire::FlowAction::update_capacity, .buffer_available = 5000});
  ASSERT_TRUE(until([&] { return asked.exchange().body_room() == 5000; }));
  Call& chunk = asked.body(data, false);
  const auto event = connection.event();
  EXPECT_EQ(asked.exchange().body_room(), 2000U);
  connection.send(wire::FlowControl{.correlation_id = wire::Text{asked.id().text()},
                                    .action = wire::FlowAction::update_capacity,
                                    .buffer_available = 3000});
  ASSERT_TRUE(until([&] { return asked.exchange().body_room() == 0; }));
  EXPECT_TRUE(asked.exchange().is_paused());
  connection.answer(event);
  ASSERT_TRUE(ends(chunk));
  EXPECT_EQ(asked.exchange().body_room(), 3000U);
  EXPECT_FALSE(asked.exchange().is_paused());
}

/// Waits until more is wanted, or not for long.
transport::Task<void> wait_for_more(Exchange& exchange, base::Deadline deadline, bool& goes_on) {
  co_await exchange.more_wanted(deadline);
  goes_on = true;
}

TEST_F(ControlTest, WhoWaitsForMoreGoesOnWhenHisTimeIsOver) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  Asked asked{worker_, agent};
  (void)asked.headers();
  (void)connection.event();
  connection.send(
      wire::FlowControl{.correlation_id = wire::Text{asked.id().text()}, .action = wire::FlowAction::pause});
  ASSERT_TRUE(until([&] { return asked.exchange().is_paused(); }));
  bool goes_on = false;
  transport::spawn(wait_for_more(asked.exchange(), in(20ms), goes_on));
  EXPECT_TRUE(until([&] { return goes_on; }));
  EXPECT_TRUE(asked.exchange().is_paused());
}

TEST_F(ControlTest, HealthBasedSelectionBelievesWhatAnAgentSaysItHasToDo) {
  Config config = quick(2);
  config.load_balance_strategy = LoadBalanceStrategy::health_based;
  Agent& agent = add(config);
  auto busy = ready(agent);
  auto idle = ready(agent);
  busy.send(wire::HealthStatus{.agent_id = "a",
                               .load = wire::Load{.in_flight = 1'000'000, .queue_depth = 1'000'000},
                               .valid_until_ms = 1200,
                               .timestamp_ms = 1000});
  turn();
  std::vector<std::unique_ptr<Asked>> asked;
  for (int i = 0; i < 5; ++i) (void)asked.emplace_back(std::make_unique<Asked>(worker_, agent))->headers();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(idle.event().type, wire::FrameType::request_headers) << i;
  testing::transport_testing::turn_for(worker_, 300ms);  // what it said is over
  (void)asked.emplace_back(std::make_unique<Asked>(worker_, agent))->headers();
  EXPECT_EQ(busy.event().type, wire::FrameType::request_headers) << "where nothing else is in flight";
}

TEST_F(ControlTest, HealthIsGoodOverNinetyFivePercentFairOverEightyAndADegradedConnectionComesBehindAll) {
  Config config = quick();
  config.load_balance_strategy = LoadBalanceStrategy::health_based;
  Agent& agent = add(config);
  auto played = ready(agent);
  ASSERT_TRUE(agent.begin_session("a"));
  AgentConnection& connection = *agent.sticky_sessions().find("a", worker_.now()).value().now();
  const auto rank_after = [&](int failures) {
    for (int i = 0; i < failures; ++i) connection.note_failure();
    return int{connection.candidate_with_health().rank};
  };
  EXPECT_EQ(rank_after(3), 0) << "95.4 %";
  EXPECT_EQ(rank_after(1), 1) << "93.9 %";
  EXPECT_EQ(rank_after(10), 1) << "80.2 %";
  EXPECT_EQ(rank_after(1), 2) << "79.0 %";
  degrade(played, 1);
  EXPECT_GT(rank_after(0), 2);
}

TEST_F(ControlTest, ADegradedConnectionIsTakenAfterOneThatFailsOften) {
  Config config = quick(2);
  config.load_balance_strategy = LoadBalanceStrategy::health_based;
  Agent& agent = add(config);
  auto degraded = ready(agent);
  auto failing = ready(agent);
  degrade(degraded, 1);
  ASSERT_TRUE(agent.begin_session("a"));
  AgentConnection& connection = *agent.sticky_sessions().find("a", worker_.now()).value().now();
  for (int i = 0; i < 64; ++i) connection.note_failure();
  std::vector<std::unique_ptr<Asked>> asked;
  for (int i = 0; i < 5; ++i) (void)asked.emplace_back(std::make_unique<Asked>(worker_, agent))->headers();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(failing.event().type, wire::FrameType::request_headers) << i;
}

TEST_F(ControlTest, EveryEventInFlightIsCancelledAtOnce) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  Asked one{worker_, agent};
  Asked two{worker_, agent};
  Call& first = one.headers();
  Call& second = two.headers();
  (void)connection.event();
  (void)connection.event();
  pool_.cancel_all(wire::CancelReason::proxy_shutdown);
  ASSERT_TRUE(ends(first) && ends(second));
  EXPECT_EQ(kind_of(first), ErrorKind::unavailable);
  const auto a = connection.event();
  const auto b = connection.event();
  EXPECT_EQ(a.type, wire::FrameType::cancel);
  EXPECT_EQ(b.type, wire::FrameType::cancel);
  EXPECT_NE(a.id, b.id);
}

}  // namespace
}  // namespace picket::pool
