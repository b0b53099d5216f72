#include <algorithm>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picket/agent/server.hpp"
#include "picket/pool/agent.hpp"
#include "picket/pool/agent_pool.hpp"
#include "picket/pool/observer.hpp"
#include "picket/pool/reverse/testing.hpp"
#include "picket/transport/testing.hpp"
#include "picket/transport/testing/certificates.hpp"

/// What an agent says unasked, as a pool of this library hears it: on every kind of connection.
namespace picket::agent {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using transport::testing::turn_until;

/// What the test has the handlers do with the next request; outlives them.
struct Script {
  std::mutex mutex;
  std::function<void(Context&)> next;
  std::optional<AgentHandle> agent;
};

class Speaking final : public Handler {
 public:
  explicit Speaking(Script& script) : script_(script) {
    const std::lock_guard lock{script.mutex};
    script.agent = agent();
  }
  [[nodiscard]] Info info() const override { return {.id = "speaking", .version = "1"}; }

  Reply on_request_headers(const RequestHeaders&, Context& context) override {
    asked_.add();
    const std::lock_guard lock{script_.mutex};
    if (script_.next) std::exchange(script_.next, nullptr)(context);
    return Decision::allow();
  }

 private:
  Script& script_;
  Counter& asked_ = metrics().counter("asked_total", "Requests.");
};

/// Notes what an agent says.
class Heard final : public pool::Observer {
 public:
  void on_health(std::string_view, const wire::HealthStatus& status) override {
    health.push_back(wire::to_json(status));
  }
  void on_metrics(std::string_view, const wire::MetricsReport& report) override {
    asked = report.counters.empty() ? 0 : report.counters[0].value;
    ++reports;
  }
  base::Status on_config_update(std::string_view, const wire::ConfigUpdateRequest& request) override {
    updates.push_back(wire::to_json(request));
    if (std::holds_alternative<wire::RequestReload>(request.update)) return {};
    return base::fail(base::ErrorKind::unavailable, "not that");
  }
  void on_log(std::string_view, const wire::LogMessage& line) override { lines.emplace_back(line.message); }

  std::vector<std::string> health;
  std::vector<std::string> updates;
  std::vector<std::string> lines;
  std::uint64_t asked = 0;
  int reports = 0;
};

/// `listen`: where the agent is, a Unix socket's path left out; nothing where it dials a proxy over TLS.
struct Way {
  std::string listen;
  wire::Encoding encoding;
};
void PrintTo(const Way& way, std::ostream* out) { *out << way.listen << ' ' << static_cast<int>(way.encoding); }

class Handles : public ::testing::TestWithParam<Way> {
 protected:
  /// An agent of which the pool has so many connections.
  void serve(ServerOptions options = {}, std::uint32_t connections = 1) {
    connections_ = connections;
    if (GetParam().listen.empty()) {
      hear_agents();
      options.dial = {.proxies = {reception_->address()}, .tls = tls_.client_options()};
    } else {
      const bool is_local = GetParam().listen.ends_with("unix:");
      options.listen = {GetParam().listen + (is_local ? folder_.socket().text().substr(5) : "127.0.0.1:0")};
      options.tls = tls_.server_options();
      options.insecure = true;
    }
    options.log = [this](std::string_view line) {
      const std::lock_guard lock{script_.mutex};
      logged_.emplace_back(line);
    };
    server_.emplace(std::move(options), [this] { return std::make_unique<Speaking>(script_); });
    const auto started = server_->start();
    ASSERT_TRUE(started) << started.error().message();
  }
  /// Where an agent dials that feeds "a".
  void hear_agents() {
    reception_.emplace(
        worker_, connections_, "a",
        pool::reverse::ListenerOptions{
            .endpoint = transport::Endpoint::parse("tls:127.0.0.1:0", transport::ClearText::refused).value(),
            .hearing = {.tls = transport::tls::Context::server(tls_.server_options()).value()}},
        [this](pool::reverse::Connection connection) {
          if (pool_) pool_->add_reverse_connection(std::move(connection));
        });
  }
  void add() {
    pool_.emplace(worker_, pool::Config{.connections_per_agent = connections_}, &heard_);
    pool::AgentSpec spec{
        .id = "a", .insecure = true, .encodings = {GetParam().encoding}, .events = {wire::EventKind::request_headers}};
    if (reception_) {
      spec.reverse = {"*"};
    } else {
      spec.endpoint = server_->addresses().front();
      if (spec.endpoint.find("s:") != std::string::npos) spec.tls = tls_.client_options();
    }
    const auto added = pool_->add_agent(spec);
    ASSERT_TRUE(added) << added.error().message();
  }
  void connect() {
    ASSERT_NO_FATAL_FAILURE(add());
    ASSERT_TRUE(eventually([&] { return agent().ready_connections() == connections_; }));
  }
  pool::Agent& agent() { return *pool_->find("a"); }
  template <class Predicate>
  bool eventually(Predicate holds) {
    return turn_until(worker_, holds);
  }
  /// Asks about a request, in whose handler the agent says something.
  void ask(pool::Exchange& exchange, std::function<void(Context&)> says) {
    {
      const std::lock_guard lock{script_.mutex};
      script_.next = std::move(says);
    }
    wire::RequestHeaders head{.metadata = {.request_id = "r",
                                           .client_ip = "192.0.2.1",
                                           .protocol = "HTTP/1.1",
                                           .timestamp = "2026-01-01T00:00:00Z"},
                              .method = "GET",
                              .uri = "/"};
    pool::Call call = exchange.request_headers(head);
    ASSERT_TRUE(eventually([&] { return call.done(); }));
    ASSERT_TRUE(call.result()) << call.result().error().message();
  }
  void ask(std::function<void(Context&)> says) {
    const base::MintedId id = ids_.mint();
    pool::Exchange exchange = pool_->begin(agent(), id.id());
    ask(exchange, std::move(says));
  }
  std::vector<std::string> logged() {
    const std::lock_guard lock{script_.mutex};
    return logged_;
  }

  transport::testing::TemporaryFolder folder_;
  Script script_;
  std::vector<std::string> logged_;
  std::optional<Server> server_;
  Heard heard_;
  transport::testing::TlsPair tls_;
  std::uint32_t connections_ = 1;
  transport::Worker worker_;
  base::CorrelationIds ids_;
  std::optional<pool::reverse::testing::Reception> reception_;
  std::optional<pool::AgentPool> pool_;
};

TEST_P(Handles, HowAnAgentIsReachesEveryConnectionFromAnyThread) {
  serve({}, 2);
  connect();
  std::jthread{[&] { script_.agent->report(Health::degraded({"request_body_chunk"}, 3)); }}.join();
  ASSERT_TRUE(eventually([&] { return heard_.health.size() == 2; }));
  const std::string& said = heard_.health.front();
  for (const auto* const part : {R"("agent_id":"speaking")", R"("state":2)",
                                 R"("disabled_features":["request_body_chunk"])", R"("timeout_multiplier":3)"})
    EXPECT_THAT(said, ::testing::HasSubstr(part));
  EXPECT_EQ(script_.agent->health().state, wire::HealthState::degraded);
}

TEST_P(Handles, AProxyThatComesLaterIsToldToo) {
  serve();
  script_.agent->report(Health::unhealthy("no rules", false));
  add();
  ASSERT_TRUE(eventually([&] { return heard_.health.size() == 1; }));
  EXPECT_THAT(heard_.health.front(), ::testing::HasSubstr(R"("reason":"no rules")"));
  script_.agent->report(Health::healthy());
  ASSERT_TRUE(eventually([&] { return heard_.health.size() == 2; }));
}

TEST_P(Handles, AnExchangeIsPausedAndResumed) {
  serve();
  connect();
  std::optional<ExchangeHandle> handle;
  const base::MintedId id = ids_.mint();
  pool::Exchange exchange = pool_->begin(agent(), id.id());
  ask(exchange, [&](Context& context) { handle = context.exchange(); });
  EXPECT_FALSE(exchange.is_paused());
  handle->pause();
  ASSERT_TRUE(eventually([&] { return exchange.is_paused(); }));
  handle->resume();
  ASSERT_TRUE(eventually([&] { return !exchange.is_paused(); }));
  handle->update_capacity(0);
  ASSERT_TRUE(eventually([&] { return exchange.is_paused(); }));
  handle->update_capacity(65'536);
  ASSERT_TRUE(eventually([&] { return !exchange.is_paused(); }));
}

TEST_P(Handles, AConnectionIsPaused) {
  serve();
  connect();
  std::optional<ProxyHandle> proxy;
  ask([&](Context& context) { proxy = context.proxy(); });
  proxy->pause();
  ASSERT_TRUE(eventually([&] {
    const base::MintedId id = ids_.mint();
    pool::Exchange exchange = pool_->begin(agent(), id.id());
    wire::RequestHeaders head{.metadata = {.request_id = "r", .protocol = "HTTP/1.1"}, .method = "GET", .uri = "/"};
    pool::Call call = exchange.request_headers(head);
    return call.done() && !call.result() && call.result().error().kind() == base::ErrorKind::flow_control_paused;
  }));
  proxy->resume();
}

TEST_P(Handles, ALineGoesToTheProxysLogWhereAMessageCarriesItAndElseToTheAgents) {
  serve();
  connect();
  ask([](Context& context) { context.proxy().log(wire::LogLevel::warn, "look here", context.correlation_id()); });
  const bool is_carried = GetParam().encoding == wire::Encoding::protobuf;
  const auto is_logged = [&] { return std::ranges::count(logged(), "look here") != 0; };
  ASSERT_TRUE(eventually([&] { return is_carried ? !heard_.lines.empty() : is_logged(); }));
  if (is_carried) {
    EXPECT_THAT(heard_.lines, ElementsAre("look here"));
    EXPECT_FALSE(is_logged());
  }
}

TEST_P(Handles, ARequestForAnotherConfigurationHasItsAnswer) {
  serve();
  connect();
  std::mutex mutex;
  std::vector<std::string> answers;
  const auto note = [&](std::optional<ConfigAnswer> answer) {
    const std::lock_guard lock{mutex};
    answers.push_back(!answer ? "none" : answer->accepted ? "accepted" : answer->error);
  };
  std::optional<ProxyHandle> proxy;
  ask([&](Context& context) { proxy = context.proxy(); });
  proxy->request(wire::RequestReload{}, note);
  proxy->request(wire::ListUpdate{.list_id = "blocked", .add = {}, .remove = {}}, note);
  ASSERT_TRUE(eventually([&] {
    const std::lock_guard lock{mutex};
    return answers.size() == 2;
  }));
  EXPECT_THAT(answers, ElementsAre("accepted", "not that"));
  EXPECT_EQ(heard_.updates.size(), 2U);
}

TEST_P(Handles, AQuestionThatNobodyCanAnswerIsToldSo) {
  serve();
  connect();
  std::optional<ProxyHandle> proxy;
  ask([&](Context& context) { proxy = context.proxy(); });
  pool_.reset();
  std::atomic<bool> is_told = false;
  ASSERT_TRUE(eventually([&] { return server_->connections() == 0; }));
  proxy->request(wire::RequestReload{}, [&](std::optional<ConfigAnswer> answer) { is_told = !answer.has_value(); });
  EXPECT_TRUE(eventually([&] { return is_told.load(); }));
}

TEST_P(Handles, WhatIsCountedIsReportedInEachIntervalAndOnceMoreAtTheEnd) {
  serve({.metrics_interval = 200ms}, 2);
  connect();
  ASSERT_TRUE(eventually([&] { return heard_.reports >= 2; })) << "each connection is told when it opens";
  ask([](Context&) {});
  ASSERT_TRUE(eventually([&] { return heard_.asked == 1; }));
  ask([](Context&) {});
  server_->stop();
  EXPECT_TRUE(eventually([&] { return heard_.asked == 2; }));
}

TEST_P(Handles, WithAnIntervalHealthGoesByItselfWithLoadAndResources) {
  serve({.health_interval = 20ms});
  connect();
  ask([](Context&) {});
  // The pool tells of changes only; how it is said is seen where the state changes.
  script_.agent->report(Health::degraded({}));
  ASSERT_TRUE(eventually([&] { return heard_.health.size() == 1; }));
  script_.agent->report(Health::healthy());
  ASSERT_TRUE(eventually([&] { return heard_.health.size() == 2; }));
}

TEST_P(Handles, AServerThatStopsSaysSoWithItsTime) {
  serve({.drain_timeout = 5s});
  connect();
  const base::MintedId id = ids_.mint();
  pool::Exchange exchange = pool_->begin(agent(), id.id());
  ask(exchange, [](Context&) {});
  server_->stop();
  ASSERT_TRUE(eventually([&] { return !heard_.health.empty(); }));
  EXPECT_THAT(heard_.health.front(), ::testing::HasSubstr(R"("state":3)"));
  EXPECT_THAT(heard_.health.front(), ::testing::ContainsRegex(R"("eta_ms":[45][0-9]*)"));
  exchange.complete({});
}

INSTANTIATE_TEST_SUITE_P(OnEveryTransport, Handles,
                         ::testing::Values(Way{"unix:", wire::Encoding::json}, Way{"unix:", wire::Encoding::msgpack},
                                           Way{"tcp:", wire::Encoding::msgpack}, Way{"tls:", wire::Encoding::msgpack},
                                           Way{"", wire::Encoding::msgpack},
                                           Way{"grpc+unix:", wire::Encoding::protobuf},
                                           Way{"grpc:", wire::Encoding::protobuf},
                                           Way{"grpcs:", wire::Encoding::protobuf}));

}  // namespace
}  // namespace picket::agent
