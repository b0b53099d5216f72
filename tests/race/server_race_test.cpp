#include <atomic>
#include <latch>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "picket/agent/server.hpp"
#include "tests/support/echo_handler.hpp"
#include "tests/support/load.hpp"

/// A server under several proxies at once, each on a thread of its own, as a gateway's workers are.
namespace picket::tests {
namespace {

using namespace std::chrono_literals;
using transport::testing::TemporaryFolder;

/// Keeps state per exchange, so that events which meet on one are seen.
class Stateful final : public EchoHandler<int> {
 public:
  agent::Reply on_request_headers(const agent::RequestHeaders& event, Context& context) override {
    ++context.state();
    return EchoHandler<int>::on_request_headers(event, context);
  }
  agent::Reply on_request_body(const agent::RequestBodyChunk& event, Context& context) override {
    ++context.state();
    return EchoHandler<int>::on_request_body(event, context);
  }
  void on_complete(const agent::RequestComplete&, Context& context) override { context.state() = 0; }
  void on_cancel(Context& context) override { context.state() = 0; }
};

/// How handlers are run, and the scheme of the address.
class ServerRace : public ::testing::TestWithParam<std::tuple<agent::Execution, const char*>> {
 protected:
  [[nodiscard]] static bool is_grpc() { return std::string_view{std::get<1>(GetParam())}.starts_with("grpc"); }
  [[nodiscard]] transport::Endpoint endpoint() const {
    return transport::Endpoint::parse(std::get<1>(GetParam()) + (folder_.path() / "s").string(),
                                      transport::ClearText::refused)
        .value();
  }
  agent::ServerOptions options(std::uint32_t threads) const {
    return {.listen = {endpoint().spelled()},
            .threads = threads,
            .execution = std::get<0>(GetParam()),
            .drain_timeout = 1s};
  }
  LoadPlan plan(std::uint32_t seed) const {
    LoadPlan plan{.endpoint = endpoint(), .seed = seed, .exchanges = 1500, .at_once = 12};
    if (is_grpc()) plan.encodings = {wire::Encoding::protobuf};
    plan.config.connections_per_agent = 2;
    plan.config.reconnect_interval = 5ms;
    plan.config.max_reconnect_interval = 20ms;
    return plan;
  }
  TemporaryFolder folder_;
};

TEST_P(ServerRace, EachProxyGetsItsOwnAnswersWhileCountersAreScraped) {
  agent::Server server{options(3), [] { return std::make_unique<Stateful>(); }};
  ASSERT_TRUE(server.start());
  constexpr std::uint32_t proxies = 3;
  std::vector<std::unique_ptr<Load>> loads;
  for (std::uint32_t i = 0; i < proxies; ++i) loads.push_back(std::make_unique<Load>(plan(i + 1)));
  std::vector<LoadResult> results(proxies);
  std::atomic<bool> done{false};
  std::jthread scraper{[&] {
    std::uint64_t scraped = 0;
    while (!done) {
      for (const auto& load : loads) {
        scraped += load->metrics().calls.value() + load->metrics().answered.value();
        (void)load->metrics().latency.count();
      }
      (void)server.connections();
      std::this_thread::sleep_for(1ms);
    }
    EXPECT_GT(scraped, 0U);
  }};
  {
    std::vector<std::jthread> threads;
    for (std::uint32_t i = 0; i < proxies; ++i)
      threads.emplace_back([&, i] {
        EXPECT_TRUE(loads[i]->ready());
        results[i] = loads[i]->run();
      });
  }
  done = true;
  scraper.join();
  for (const auto& result : results) {
    EXPECT_GT(result.answered, 400U);
    EXPECT_EQ(result.wrong, 0U);
    EXPECT_EQ(result.of(base::ErrorKind::connection_closed), 0U);
  }
  loads.clear();
  server.stop();
  server.wait();
}

TEST_P(ServerRace, StopUnderLoadFromSeveralThreadsEndsEverything) {
  for (std::uint32_t round = 0; round < 3; ++round) {
    agent::Server server{options(2), [] { return std::make_unique<Stateful>(); }};
    ASSERT_TRUE(server.start());
    std::atomic<std::size_t> progress{0};
    std::latch ready{2};  // the server must not end before both have found it
    std::vector<std::jthread> threads;
    for (std::uint32_t i = 0; i < 2; ++i)
      threads.emplace_back([&, i] {
        Load load{plan(round * 10 + i)};
        EXPECT_TRUE(load.ready());
        ready.arrive_and_wait();
        const LoadResult result = load.run([&](std::size_t) { ++progress; });
        EXPECT_EQ(result.wrong, 0U);
      });
    while (progress < 20) std::this_thread::yield();
    for (int i = 0; i < 2; ++i) threads.emplace_back([&] { server.stop(); });
    server.wait();
    threads.clear();
    EXPECT_EQ(server.connections(), 0U);
  }
}

TEST_P(ServerRace, DestroyedUnderLoadItEndsEverything) {
  for (std::uint32_t round = 0; round < 3; ++round) {
    std::optional<agent::Server> server(std::in_place, options(2), [] { return std::make_unique<Stateful>(); });
    ASSERT_TRUE(server->start());
    std::atomic<std::size_t> progress{0};
    std::jthread proxy{[&] {
      Load load{plan(round)};
      EXPECT_TRUE(load.ready());
      (void)load.run([&](std::size_t) { ++progress; });
    }};
    while (progress < 20) std::this_thread::yield();
    server.reset();
  }
}

std::string name_of(const ::testing::TestParamInfo<ServerRace::ParamType>& test) {
  const bool is_on_loop = std::get<0>(test.param) == agent::Execution::on_loop;
  const bool is_grpc = std::string_view{std::get<1>(test.param)}.starts_with("grpc");
  return std::string{is_on_loop ? "OnLoop" : "HandedOver"} + (is_grpc ? "Grpc" : "Frames");
}

INSTANTIATE_TEST_SUITE_P(Executions, ServerRace,
                         ::testing::Combine(::testing::Values(agent::Execution::on_loop, agent::Execution::handed_over),
                                            ::testing::Values("unix:", "grpc+unix:")),
                         name_of);

}  // namespace
}  // namespace picket::tests
