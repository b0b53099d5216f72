#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "picket/agent/server.hpp"
#include "picket/pool/reverse/listener.hpp"
#include "picket/pool/reverse/registry.hpp"
#include "tests/support/echo_handler.hpp"
#include "tests/support/load.hpp"

/// Agents that dial a proxy of two workers: a connection is accepted by a third, and served where the registry says.
namespace picket::tests {
namespace {

using namespace std::chrono_literals;
namespace reverse = pool::reverse;

constexpr std::size_t workers = 2;

/// By the connections that an agent may have: one for both workers goes over a relay, of two each has its own.
class RegistryRace : public ::testing::TestWithParam<std::uint32_t> {
 protected:
  RegistryRace()
      : registry_(worker_, workers, [this](reverse::Connection connection) { deliver(std::move(connection)); }) {
    for (std::uint32_t i = 0; i < workers; ++i) {
      LoadPlan plan{.endpoint = {}, .seed = i + 1, .exchanges = 1500, .at_once = 12};
      plan.reverse = {"*"};
      loads_.push_back(std::make_unique<Load>(plan));
    }
    EXPECT_TRUE(registry_.use(rules({})));
    listener_ = reverse::Listener::open(registry_, {.endpoint = folder_.socket()}).value();
    listener_->start();
    thread_ = std::jthread{[this](const std::stop_token& stop) {
      while (!stop.stop_requested()) worker_.turn(base::Clock::now() + 2ms);
    }};
  }
  ~RegistryRace() override {
    thread_.request_stop();
    thread_.join();
    listener_->close();
    loads_.clear();
    EXPECT_TRUE(transport::testing::turn_until(worker_, [this] {
      return listener_->is_over() && registry_.relays() == 0 && registry_.metrics().connections.value() == 0;
    })) << "a connection is left that nobody has";
  }

  [[nodiscard]] static reverse::Rules rules(std::vector<std::string> allowed) {
    return {.claims = {{"agent", {"*"}}}, .allowed = std::move(allowed), .max_connections_per_agent = GetParam()};
  }
  void deliver(reverse::Connection connection) {
    Load& load = *loads_[connection.worker];
    load.worker().post([&load, taken = std::move(connection)]() mutable { load.take(std::move(taken)); });
  }
  [[nodiscard]] std::unique_ptr<agent::Server> agent(const std::string& id) const {
    auto server = std::make_unique<agent::Server>(
        agent::ServerOptions{
            .dial = {.proxies = {folder_.socket().text()}, .agent_id = id}, .threads = 2, .drain_timeout = 1s},
        [] { return std::make_unique<EchoHandler<>>(); });
    EXPECT_TRUE(server->start());
    return server;
  }

  transport::testing::TemporaryFolder folder_;
  transport::Worker worker_;
  std::vector<std::unique_ptr<Load>> loads_;
  reverse::Registry registry_;
  std::shared_ptr<reverse::Listener> listener_;
  std::jthread thread_;
};

TEST_P(RegistryRace, AgentsComeAndGoWhileWorkersAskAndRulesChange) {
  const auto stays = agent("stays");
  std::atomic<std::size_t> ended{0};
  std::atomic<std::size_t> running{workers};
  std::vector<LoadResult> results(workers);
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < workers; ++i)
    threads.emplace_back([&, i] {
      EXPECT_TRUE(loads_[i]->ready());
      results[i] = loads_[i]->run([&](std::size_t) { ++ended; });
      --running;
    });
  for (std::uint32_t round = 0; running != 0; ++round) {
    auto comes = agent("comes-" + std::to_string(round));
    worker_.post([this, round] {
      // Who is there stays, whatever the rules are from now on.
      const bool all = round % 2 == 0;
      EXPECT_TRUE(registry_.use(rules(all ? std::vector<std::string>{} : std::vector<std::string>{"comes-*"})));
    });
    const std::size_t before = ended;
    while (running != 0 && ended < before + 200) {
      (void)registry_.metrics().connections.value();
      for (const auto& load : loads_) (void)load->metrics().answered.value();
      std::this_thread::sleep_for(1ms);
    }
    if (round % 2 == 0) comes->stop();  // else it is gone without a word
    if (round % 2 == 0) comes->wait();
  }
  threads.clear();
  for (const auto& result : results) {
    EXPECT_EQ(result.wrong, 0U);
    EXPECT_GT(result.answered, 100U);
  }
  EXPECT_GT(registry_.metrics().registered.value(), 2U);
}

INSTANTIATE_TEST_SUITE_P(Connections, RegistryRace, ::testing::Values(1U, 2U),
                         [](const auto& test) { return test.param == 1 ? "OneOverARelay" : "OneForEachWorker"; });

}  // namespace
}  // namespace picket::tests
