#include "picket/pool/reverse/routing.hpp"

#include <deque>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picket/transport/testing.hpp"

namespace picket::pool::reverse {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using transport::testing::OwnedFrame;
using wire::FrameType;

/// Three workers; what goes where is "agent TYPE" or "N TYPE".
class RoutingTest : public ::testing::Test, protected Routing::Sink {
 protected:
  void to_agent(FrameType type, std::string_view payload) override { note("agent", type, payload); }
  void to_worker(std::size_t worker, FrameType type, std::string_view payload) override {
    note(std::to_string(worker), type, payload);
  }
  std::vector<std::string> went() { return std::exchange(went_, {}); }

  template <class Message>
  void from_worker(std::size_t worker, const Message& message) {
    const auto& frame = frame_of(message);
    EXPECT_TRUE(routing_.from_worker(worker, {frame.type(), frame.payload()}, *this));
  }
  template <class Message>
  void from_agent(const Message& message) {
    const auto& frame = frame_of(message);
    EXPECT_TRUE(routing_.from_agent({frame.type(), frame.payload()}, *this));
  }
  void answer() { from_worker(0, wire::ReverseAnswer{.success = true, .proxy_id = "p", .connection_id = "c"}); }
  static wire::RequestHeaders head(std::string_view id) {
    return {.metadata = {.correlation_id = id, .timestamp = "2026-01-01T00:00:00Z"}, .method = "GET", .uri = "/"};
  }
  static wire::AgentResponse response(std::string_view id) { return {.correlation_id = id}; }

  Routing routing_{3};

 private:
  void note(std::string whom, FrameType type, std::string_view) {
    went_.push_back(std::move(whom) + " " + std::string{name(type)});
  }
  template <class Message>
  const OwnedFrame& frame_of(const Message& message) {
    wire::Output output{transport::stream_framing};
    EXPECT_TRUE(wire::encode(wire::Format{}, message, output));
    const std::string bytes = output.flatten();
    return frames_.emplace_back(Message::type, std::string_view{bytes}.substr(transport::frame_header_size));
  }

  std::vector<std::string> went_;
  std::deque<OwnedFrame> frames_;
};

TEST_F(RoutingTest, TheAgentHearsOneAnswerAndOneConfiguration) {
  for (std::size_t i = 0; i < 3; ++i)
    from_worker(i, wire::ReverseAnswer{.success = true, .proxy_id = "p", .connection_id = "c"});
  EXPECT_THAT(went(), ElementsAre("agent handshake_response"));
  const wire::Configure configure{.correlation_id = "picket-configure"};
  from_worker(0, configure);
  from_worker(2, configure);
  EXPECT_THAT(went(), ElementsAre("agent configure"));
  from_agent(response("picket-configure"));
  EXPECT_THAT(went(), ElementsAre("0 agent_response", "2 agent_response"));
  from_worker(1, configure);
  EXPECT_THAT(went(), ElementsAre("1 agent_response")) << "as the agent has decided already";
}

TEST_F(RoutingTest, AnAnswerGoesToWhoAsked) {
  answer();
  from_worker(2, head("x"));
  from_worker(1, head("y"));
  (void)went();
  from_agent(response("y"));
  from_agent(response("x"));
  from_agent(wire::FlowControl{.correlation_id = "y"});
  EXPECT_THAT(went(), ElementsAre("1 agent_response", "2 agent_response", "1 flow_control"));
  from_agent(response("nobodys"));
  EXPECT_THAT(went(), ElementsAre("0 agent_response")) << "who drops it, and says so";
}

TEST_F(RoutingTest, EveryEventOfAnExchangeAndItsEndAreHandedOn) {
  answer();
  (void)went();
  from_worker(1, head("x"));
  from_worker(1, wire::RequestBodyChunk{.correlation_id = "x", .is_last = true});
  from_worker(1, wire::Cancel{.correlation_id = "x"});
  from_worker(1, wire::RequestComplete{.correlation_id = "x"});
  EXPECT_THAT(went(), ElementsAre("agent request_headers", "agent request_body_chunk", "agent cancel",
                                  "agent request_complete"));
  from_agent(response("x"));
  EXPECT_THAT(went(), ElementsAre("1 agent_response")) << "late";
}

TEST_F(RoutingTest, OnlySoManyExchangesThatAreOverAreRemembered) {
  answer();
  for (std::size_t i = 0; i <= Routing::remembered; ++i) {
    const std::string id = std::to_string(i);
    from_worker(1, head(id));
    from_worker(1, wire::RequestComplete{.correlation_id = id});
  }
  (void)went();
  from_agent(response("0"));
  from_agent(response("1"));
  EXPECT_THAT(went(), ElementsAre("0 agent_response", "1 agent_response"));
}

TEST_F(RoutingTest, WhatTheAgentSaysOfItselfGoesToAll) {
  answer();
  (void)went();
  from_agent(wire::HealthStatus{.agent_id = "a", .state = wire::HealthState::draining});
  EXPECT_THAT(went(), ElementsAre("0 health_status", "1 health_status", "2 health_status"));
  from_agent(wire::FlowControl{});
  EXPECT_THAT(went(), ElementsAre("0 flow_control", "1 flow_control", "2 flow_control"));
  from_agent(wire::MetricsReport{.agent_id = "a"});
  EXPECT_THAT(went(), ElementsAre("0 metrics_report")) << "counted once";
}

TEST_F(RoutingTest, APongGoesToWhoPinged) {
  from_worker(2, wire::Ping{.sequence = 1, .timestamp_ms = 7});
  from_worker(1, wire::Ping{.sequence = 1, .timestamp_ms = 8});
  EXPECT_THAT(went(), ElementsAre("agent ping", "agent ping"));
  from_agent(wire::Pong{1, 8});
  from_agent(wire::Pong{1, 7});
  EXPECT_THAT(went(), ElementsAre("1 pong", "2 pong"));
  from_agent(wire::Pong{1, 7});
  EXPECT_THAT(went(), IsEmpty()) << "nobody waits";
  from_agent(wire::Ping{.sequence = 1});
  EXPECT_THAT(went(), ElementsAre("agent pong"));
}

TEST_F(RoutingTest, WhatDoesNotDecodeIsAnError) {
  answer();
  const OwnedFrame broken{FrameType::agent_response, "{"};
  EXPECT_FALSE(routing_.from_agent({broken.type(), broken.payload()}, *this));
}

}  // namespace
}  // namespace picket::pool::reverse
