#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <gtest/gtest.h>

#include "picket/agent/server.hpp"
#include "picket/pool/agent.hpp"
#include "picket/pool/agent_pool.hpp"
#include "picket/transport/testing.hpp"
#include "picket/transport/testing/certificates.hpp"

/// Who asks one agent, with a pool or without.
namespace picket::agent {
namespace {

using transport::testing::turn_until;

class BlocksEvil final : public Handler {
 public:
  [[nodiscard]] Info info() const override { return {.id = "blocks-evil", .version = "1"}; }
  Reply on_request_headers(const RequestHeaders& event, Context&) override {
    if (event.uri == "/evil") return Decision::block(403);
    return Decision::allow();
  }
};

class OneClient : public ::testing::Test {
 protected:
  /// Where it serves.
  std::string serve(ServerOptions options) {
    server_.emplace(std::move(options), [] { return std::make_unique<BlocksEvil>(); });
    const auto started = server_->start();
    EXPECT_TRUE(started) << started.error().message();
    return server_->addresses().front();
  }
  /// An agent on gRPC that only serves who shows a certificate of this CA; what a client of it has to know.
  pool::AgentSpec serve_with_mutual_tls() {
    const auto shown = authority_.issue("agent", "IP:127.0.0.1");
    const auto client = authority_.issue("proxy", "DNS:proxy.test");
    ServerOptions options{.listen = {"grpcs:127.0.0.1:0"}};
    options.tls.certificate_file = shown.certificate_file;
    options.tls.key_file = shown.key_file;
    options.tls.client_ca_file = authority_.ca_file();
    options.tls.client_certificate = transport::tls::ClientCertificate::required;
    pool::AgentSpec spec{.id = "one", .endpoint = serve(std::move(options))};
    spec.tls.ca_file = authority_.ca_file();
    spec.tls.certificate_file = client.certificate_file;
    spec.tls.key_file = client.key_file;
    return spec;
  }
  void expect_decisions(pool::Agent& agent) {
    ASSERT_TRUE(turn_until(worker_, [&] { return agent.ready_connections() == 1; }));
    for (const std::string_view uri : {"/", "/evil"}) {
      const base::MintedId id = worker_.ids().mint();
      pool::Exchange exchange{agent, id};
      wire::RequestHeaders event{.method = "GET", .uri = uri};
      pool::Call call = exchange.request_headers(event);
      ASSERT_TRUE(turn_until(worker_, [&] { return call.done(); }));
      ASSERT_TRUE(call.result()) << call.result().error().message();
      EXPECT_EQ(std::holds_alternative<wire::Block>((*call.result())->decision), uri == "/evil");
    }
    EXPECT_EQ(agent.metrics().connections_opened.value(), 1U);
  }
  void expect_decisions_without_a_pool(const pool::AgentSpec& spec) {
    const pool::Config config{.connections_per_agent = 1};
    const auto made = pool::Agent::make(worker_, spec, config, nullptr);
    ASSERT_TRUE(made) << made.error().message();
    expect_decisions(**made);
    (*made)->close_now();
    EXPECT_TRUE(turn_until(worker_, [&] { return (*made)->is_over(); }));
  }

  transport::testing::TemporaryFolder folder_;
  transport::testing::Authority authority_;
  transport::Worker worker_;

 private:
  std::optional<Server> server_;
};

TEST_F(OneClient, OfOneUnixConnectionNeedsNoPool) {
  const auto address = serve({.listen = {"unix:" + (folder_.path() / "agent").string()}});
  expect_decisions_without_a_pool({.id = "one", .endpoint = address});
}

TEST_F(OneClient, OfOneGrpcConnectionWithMutualTlsNeedsNoPool) {
  expect_decisions_without_a_pool(serve_with_mutual_tls());
}

TEST_F(OneClient, WithoutItsCertificateIsNotServed) {
  pool::AgentSpec spec = serve_with_mutual_tls();
  spec.tls.certificate_file.clear();
  spec.tls.key_file.clear();
  const auto made = pool::Agent::make(worker_, spec, {.connections_per_agent = 1}, nullptr);
  ASSERT_TRUE(made) << made.error().message();
  ASSERT_TRUE(turn_until(worker_, [&] { return (*made)->last_error().has_value(); }));
  EXPECT_EQ((*made)->ready_connections(), 0U);
}

TEST_F(OneClient, AnAgentOverTlsIsAddedToAPoolByHand) {
  pool::AgentPool pool{worker_, {.connections_per_agent = 1}};
  const auto added = pool.add_agent(serve_with_mutual_tls());
  ASSERT_TRUE(added) << added.error().message();
  expect_decisions(added->get());
}

}  // namespace
}  // namespace picket::agent
