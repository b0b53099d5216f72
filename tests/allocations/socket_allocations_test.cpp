#include <array>
#include <cstddef>
#include <optional>
#include <ostream>
#include <span>
#include <string>

#include <gtest/gtest.h>

#include "picket/agent/server.hpp"
#include "picket/pool/agent.hpp"
#include "picket/pool/agent_pool.hpp"
#include "picket/pool/reverse/testing.hpp"
#include "picket/transport/testing.hpp"
#include "picket/transport/testing/certificates.hpp"
#include "tests/allocations/counting.hpp"
#include "tests/allocations/events.hpp"

/// Pool, socket and agent server together: in steady state an event allocates nothing at either end. Frames in two
/// encodings, and gRPC; over Unix sockets, TCP and TLS; whoever dials. What nghttp2 and OpenSSL take by malloc is not
/// counted.
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

struct Way {
  const char* name;
  wire::Encoding encoding;
  std::string listen;  ///< Of whoever listens.
  bool agent_dials = false;
};
void PrintTo(const Way& way, std::ostream* out) { *out << way.name; }

class SocketAllocations : public ::testing::TestWithParam<Way> {
 protected:
  /// A pool that has so many connections to the agent.
  pool::Agent& connect(std::uint32_t connections) {
    pool::Config config;
    config.connections_per_agent = connections;
    config.health_check_interval = std::chrono::hours{1};
    pool_.emplace(worker_, config);
    agent::ServerOptions options{.insecure = true, .tls = tls_.server_options()};
    if (GetParam().agent_dials) {
      hear_agents(connections);
      options.dial = {.proxies = {reception_->address()}, .tls = tls_.client_options()};
    } else {
      options.listen = {address()};
    }
    server_.emplace(std::move(options), [] { return std::make_unique<Allow>(); });
    EXPECT_TRUE(server_->start());
    auto& agent = pool_->add_agent(spec()).value().get();
    EXPECT_TRUE(transport::testing::turn_until(worker_, [&] { return agent.ready_connections() == connections; }));
    return agent;
  }
  void hear_agents(std::size_t connections) {
    const auto endpoint = transport::Endpoint::parse(address(), transport::ClearText::allowed).value();
    pool::reverse::Hearing hearing;
    if (endpoint.is_tls()) hearing.tls = transport::tls::Context::server(tls_.server_options()).value();
    reception_.emplace(
        worker_, connections, "a", pool::reverse::ListenerOptions{.endpoint = endpoint, .hearing = hearing},
        [this](pool::reverse::Connection connection) { pool_->add_reverse_connection(std::move(connection)); });
  }
  [[nodiscard]] pool::AgentSpec spec() const {
    pool::AgentSpec spec{.id = "a", .insecure = true, .encodings = {GetParam().encoding}};
    if (GetParam().agent_dials) {
      spec.reverse = {"*"};
    } else {
      spec.endpoint = server_->addresses().front();
      spec.tls = tls_.client_options();
    }
    return spec;
  }
  void TearDown() override {
    pool_.reset();  // with what it has yet to say: the server waits for it
    server_->stop();
    server_->wait();
  }

  void play(pool::Agent& agent) {
    const base::MintedId id = worker_.ids().mint();
    pool::Exchange exchange = pool_->begin(agent, id);
    events_.each(id.text(), [&](auto event) {
      const pool::Call call = exchange.call(event);
      EXPECT_TRUE(transport::testing::turn_until(worker_, [&] { return call.done(); }));
      EXPECT_TRUE(call.result()) << call.result().error().message();
    });
  }

  /// Many exchanges in flight beside each other.
  void play_at_once(pool::Agent& agent, std::size_t count) {
    const std::span all{std::span{all_}.first(count)};
    for (auto& one : all) {
      one.id = worker_.ids().mint();
      one.head = events_.head(one.id.text());
      one.exchange.emplace(pool_->begin(agent, one.id));
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
    return GetParam().listen.ends_with("unix:") ? GetParam().listen + folder_.socket().text().substr(5)
                                                : GetParam().listen;
  }

  struct One {
    base::MintedId id;
    wire::RequestHeaders head;
    std::optional<pool::Exchange> exchange;
    std::optional<pool::Call> call;
  };
  static constexpr std::size_t most_at_once = 128;

  transport::testing::TemporaryFolder folder_;
  transport::testing::TlsPair tls_;
  std::optional<agent::Server> server_;
  transport::Worker worker_;
  std::optional<pool::reverse::testing::Reception> reception_;
  std::optional<pool::AgentPool> pool_;
  Events events_;
  std::array<One, most_at_once> all_;
};

TEST_P(SocketAllocations, EventsAllocateNothingOnceWarm) {
  pool::Agent& agent = connect(2);
  // A burst larger than any that follows, so that hardly a buffer has to grow later.
  for (int i = 0; i < 20; ++i) play_at_once(agent, most_at_once);
  for (int i = 0; i < 200; ++i) play(agent);
  EXPECT_EQ(allocations_once_warm([&] { play(agent); }), 0U);
}

TEST_P(SocketAllocations, ManyExchangesInFlightAllocateNothingOnceWarm) {
  pool::Agent& agent = connect(4);
  for (int i = 0; i < 40; ++i) play_at_once(agent, most_at_once);  // as above
  EXPECT_EQ(allocations_once_warm([&] { play_at_once(agent, 64); }), 0U);
}

INSTANTIATE_TEST_SUITE_P(Ways, SocketAllocations,
                         ::testing::Values(Way{"Json", wire::Encoding::json, "unix:"},
                                           Way{"MessagePack", wire::Encoding::msgpack, "unix:"},
                                           Way{"Tcp", wire::Encoding::msgpack, "tcp:127.0.0.1:0"},
                                           Way{"Tls", wire::Encoding::msgpack, "tls:127.0.0.1:0"},
                                           Way{"Reverse", wire::Encoding::msgpack, "unix:", true},
                                           Way{"ReverseTls", wire::Encoding::msgpack, "tls:127.0.0.1:0", true},
                                           Way{"Grpc", wire::Encoding::protobuf, "grpc+unix:"},
                                           Way{"GrpcTcp", wire::Encoding::protobuf, "grpc:127.0.0.1:0"},
                                           Way{"GrpcTls", wire::Encoding::protobuf, "grpcs:127.0.0.1:0"}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace picket::tests
