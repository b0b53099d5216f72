#include <array>
#include <cstddef>
#include <optional>
#include <span>

#include <gtest/gtest.h>

#include "picket/agent/server.hpp"
#include "picket/pool/agent_pool.hpp"
#include "picket/transport/testing.hpp"
#include "tests/allocations/counting.hpp"
#include "tests/allocations/events.hpp"

/// Pool, Unix socket and agent server together: in steady state an event allocates nothing at either end. Frames in two
/// encodings, and gRPC; what nghttp2 takes by malloc is not counted.
namespace picket::tests {
namespace {

/// Wants everything and allows it. What a handler itself allocates is its own affair; this one does nothing.
class Allow final : public agent::Handler {
 public:
  [[nodiscard]] agent::Info info() const override { return {.id = "a", .version = "1"}; }
  agent::Reply on_request_headers(const agent::RequestHeaders&, agent::Context&) override { return allow(); }
  agent::Reply on_request_body(const agent::RequestBodyChunk&, agent::Context&) override { return allow(); }
  agent::Reply on_response_headers(const agent::ResponseHeaders&, agent::Context&) override { return allow(); }
  agent::Reply on_response_body(const agent::ResponseBodyChunk&, agent::Context&) override { return allow(); }
  agent::Reply on_websocket_frame(const agent::WebSocketFrame&, agent::Context&) override { return allow(); }
  agent::Reply on_guardrail(const agent::GuardrailInspect&, agent::Context&) override { return allow(); }
  void on_complete(const agent::RequestComplete&, agent::Context&) override {}

 private:
  static agent::Reply allow() { return agent::Decision::allow(); }
};

class SocketAllocations : public ::testing::TestWithParam<wire::Encoding> {
 protected:
  void SetUp() override { ASSERT_TRUE(server_.start()); }
  void TearDown() override {
    server_.stop();
    server_.wait();
  }

  void play(pool::AgentPool& pool, pool::Agent& agent) {
    const base::MintedId id = worker_.ids().mint();
    pool::Exchange exchange = pool.begin(agent, id);
    events_.each(id.text(), [&](auto event) {
      const pool::Call call = exchange.call(event);
      EXPECT_TRUE(transport::testing::turn_until(worker_, [&] { return call.done(); }));
      EXPECT_TRUE(call.result()) << call.result().error().message();
    });
  }

  /// Many exchanges in flight beside each other.
  void play_at_once(pool::AgentPool& pool, pool::Agent& agent, std::size_t count) {
    const std::span all{std::span{all_}.first(count)};
    for (auto& one : all) {
      one.id = worker_.ids().mint();
      one.head = events_.head(one.id.text());
      one.exchange.emplace(pool.begin(agent, one.id));
      one.call.emplace(*one.exchange, &one.head, wire::EventKind::request_headers, base::Deadline{});
    }
    for (auto& one : all) {
      EXPECT_TRUE(transport::testing::turn_until(worker_, [&] { return one.call->done(); }));
      EXPECT_TRUE(one.call->result()) << one.call->result().error().message();
      one.call.reset();
      one.exchange.reset();
      one.id = {};
    }
  }

  [[nodiscard]] std::string address() const {
    return (GetParam() == wire::Encoding::protobuf ? "grpc+" : "") + folder_.socket().text();
  }

  struct One {
    base::MintedId id;
    wire::RequestHeaders head;
    std::optional<pool::Exchange> exchange;
    std::optional<pool::Call> call;
  };
  static constexpr std::size_t most_at_once = 128;

  transport::testing::TemporaryFolder folder_;
  agent::Server server_{{.listen = address()}, [] { return std::make_unique<Allow>(); }};
  transport::Worker worker_;
  Events events_;
  std::array<One, most_at_once> all_;
};

TEST_P(SocketAllocations, EventsAllocateNothingOnceWarm) {
  pool::Config config;
  config.connections_per_agent = 2;
  config.health_check_interval = std::chrono::hours{1};
  pool::AgentPool pool{worker_, config};
  auto& agent = pool.add_agent({.id = "a", .endpoint = address(), .encodings = {GetParam()}}).value().get();
  ASSERT_TRUE(transport::testing::turn_until(worker_, [&] { return agent.ready_connections() == 2; }));
  // A burst larger than any that follows, so that hardly a buffer has to grow later.
  for (int i = 0; i < 20; ++i) play_at_once(pool, agent, most_at_once);
  for (int i = 0; i < 200; ++i) play(pool, agent);
  EXPECT_EQ(allocations_once_warm([&] { play(pool, agent); }), 0U);
}

TEST_P(SocketAllocations, ManyExchangesInFlightAllocateNothingOnceWarm) {
  pool::Config config;
  config.health_check_interval = std::chrono::hours{1};
  pool::AgentPool pool{worker_, config};
  auto& agent = pool.add_agent({.id = "a", .endpoint = address(), .encodings = {GetParam()}}).value().get();
  ASSERT_TRUE(transport::testing::turn_until(worker_, [&] { return agent.ready_connections() == 4; }));
  for (int i = 0; i < 40; ++i) play_at_once(pool, agent, most_at_once);  // as above
  EXPECT_EQ(allocations_once_warm([&] { play_at_once(pool, agent, 64); }), 0U);
}

constexpr std::array names{"Json", "MessagePack", "Grpc"};  // by encoding

INSTANTIATE_TEST_SUITE_P(Encodings, SocketAllocations,
                         ::testing::Values(wire::Encoding::json, wire::Encoding::msgpack, wire::Encoding::protobuf),
                         [](const auto& test) { return names[static_cast<std::size_t>(test.param)]; });

}  // namespace
}  // namespace picket::tests
