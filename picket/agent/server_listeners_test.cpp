#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picket/agent/testing/played_proxy.hpp"
#include "picket/pool/agent.hpp"
#include "picket/pool/agent_pool.hpp"
#include "picket/transport/testing/certificates.hpp"

/// One agent on several addresses at once.
namespace picket::agent {
namespace {

using testing::eventually;
using transport::testing::turn_until;

class Listening final : public Handler {
 public:
  [[nodiscard]] Info info() const override { return testing::under_test(); }
  Reply on_request_headers(const RequestHeaders& event, Context&) override {
    return Decision::allow().tag(std::string{event.uri});
  }
};

class Listeners : public ::testing::Test {
 protected:
  void make(std::vector<std::string> addresses, std::uint32_t threads = 2) {
    server_.emplace(ServerOptions{.listen = std::move(addresses),
                                  .insecure = true,
                                  .tls = tls_.server_options(),
                                  .threads = threads,
                                  .drain_timeout = std::chrono::seconds{20}},
                    [] { return std::make_unique<Listening>(); });
  }
  [[nodiscard]] std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  pool::Agent& add(pool::AgentPool& pool, const std::string& address) {
    const bool is_grpc = address.starts_with("grpc");
    pool::AgentSpec spec{.id = address, .endpoint = address, .insecure = true};
    if (is_grpc) spec.encodings = {wire::Encoding::protobuf};
    if (address.starts_with("tls:") || address.starts_with("grpcs:")) spec.tls = tls_.client_options();
    return pool.add_agent(spec).value().get();
  }
  /// The tag of the answer.
  std::string ask(pool::AgentPool& pool, pool::Agent& agent, std::string_view uri) {
    const base::MintedId id = worker_.ids().mint();
    pool::Exchange exchange = pool.begin(agent, id);
    wire::RequestHeaders head{.metadata = {.request_id = "r", .client_ip = "192.0.2.1"}, .method = "GET", .uri = uri};
    const pool::Call call = exchange.request_headers(head);
    EXPECT_TRUE(turn_until(worker_, [&] { return call.done(); }));
    if (!call.result()) return call.result().error().message();
    return std::string{call.response().audit.tags[0]};
  }

  transport::testing::TemporaryFolder folder_;
  transport::testing::TlsPair tls_;
  std::optional<Server> server_;
  transport::Worker worker_;
};

TEST_F(Listeners, AnAddressThatIsListedTwiceIsSaidToBeWhateverIsSpokenThere) {
  for (const std::string other : {"unix:", "grpc+unix:"}) {
    make({"unix:" + path("a"), other + path("a")});
    const auto started = server_->start();
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().detail(), "unix:" + path("a") + " is listed twice");
  }
  make({"unix:" + path("a"), "unix:" + path("other/../a")});
  EXPECT_THAT(server_->start().error().detail(), ::testing::HasSubstr("is listed twice"));
}

TEST_F(Listeners, APortThatIsListedTwiceIsSaidToBeWhateverIsSpokenThere) {
  make({"tcp:127.0.0.1:0"});
  ASSERT_TRUE(server_->start());
  const std::string port = server_->addresses().front().substr(std::string{"tcp:127.0.0.1:"}.size());
  server_->stop();
  server_->wait();
  for (const std::string other : {"tcp:", "grpc:", "tls:", "grpcs:"}) {
    make({"tcp:127.0.0.1:" + port, other + "127.0.0.1:" + port});
    const auto started = server_->start();
    ASSERT_FALSE(started) << other;
    EXPECT_EQ(started.error().detail(), "127.0.0.1:" + port + " is listed twice");
  }
}

TEST_F(Listeners, EachIsServedInWhatItsAddressSays) {
  make({"unix:" + path("a"), "tcp:127.0.0.1:0", "tls:127.0.0.1:0", "grpc+unix:" + path("b"), "grpc:127.0.0.1:0",
        "grpcs:[::1]:0"});
  ASSERT_TRUE(server_->start());
  const auto addresses = server_->addresses();
  ASSERT_EQ(addresses.size(), 6U);
  EXPECT_EQ(addresses[0], "unix:" + path("a"));
  EXPECT_THAT(addresses[5], ::testing::StartsWith("grpcs:[::1]:"));
  {
    pool::AgentPool pool{worker_, {.connections_per_agent = 2}};
    std::vector<pool::Agent*> agents;
    for (const auto& address : addresses) agents.push_back(&add(pool, address));
    for (auto* const agent : agents)
      EXPECT_TRUE(turn_until(worker_, [&] { return agent->ready_connections() == 2; })) << agent->id();
    for (int round = 0; round < 4; ++round)
      for (auto* const agent : agents) {
        const std::string uri = "/" + std::to_string(round) + agent->id();
        EXPECT_EQ(ask(pool, *agent, uri), uri);
      }
    EXPECT_EQ(server_->connections(), 12U);
  }
  EXPECT_TRUE(turn_until(worker_, [&] { return server_->connections() == 0; })) << "of frames and of gRPC";
}

TEST_F(Listeners, AllAreClosedWhereItStops) {
  make({"unix:" + path("a"), "grpc+unix:" + path("b"), "tcp:127.0.0.1:0"});
  ASSERT_TRUE(server_->start());
  const auto addresses = server_->addresses();
  pool::AgentPool pool{worker_, {.connections_per_agent = 1}};
  for (const auto& address : addresses) {
    auto& agent = add(pool, address);
    ASSERT_TRUE(turn_until(worker_, [&] { return agent.ready_connections() == 1; }));
  }
  server_->stop();
  server_->wait();
  EXPECT_FALSE(std::filesystem::exists(path("a")));
  EXPECT_FALSE(std::filesystem::exists(path("b")));
  for (const auto& address : addresses)
    EXPECT_TRUE(turn_until(worker_, [&] { return pool.find(address)->ready_connections() == 0; })) << address;
}

TEST_F(Listeners, WhereOneCannotBeListenedOnNoneIs) {
  make({"unix:" + path("a")});
  ASSERT_TRUE(server_->start());
  Server second{{.listen = {"unix:" + path("b"), "unix:" + path("a")}}, [] { return std::make_unique<Listening>(); }};
  const auto started = second.start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().detail(), ::testing::HasSubstr(path("a")));
  EXPECT_FALSE(std::filesystem::exists(path("b")));
  EXPECT_THAT(second.addresses(), ::testing::IsEmpty());
}

TEST_F(Listeners, OneThatIsFullTakesNoMoreOnAnyOfThem) {
  server_.emplace(ServerOptions{.listen = {"unix:" + path("a"), "unix:" + path("b")}, .max_connections = 2},
                  [] { return std::make_unique<Listening>(); });
  ASSERT_TRUE(server_->start());
  const auto endpoint = [&](const char* name) {
    return transport::Endpoint::parse("unix:" + path(name), transport::ClearText::refused).value();
  };
  const testing::PlayedProxy one{endpoint("a")};
  const testing::PlayedProxy two{endpoint("b")};
  ASSERT_TRUE(eventually([&] { return server_->connections() == 2; }));
  auto three = transport::testing::RawPeer::connect(endpoint("a"));
  EXPECT_TRUE(three.ends());
}

}  // namespace
}  // namespace picket::agent
