#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "picket/agent/server.hpp"
#include "tests/support/echo_handler.hpp"
#include "tests/support/load.hpp"

/// Answers that come from other threads while proxies cancel, disconnect, and the server ends.
namespace picket::tests {
namespace {

using namespace std::chrono_literals;

/// Threads that complete what handlers defer; one in eight is dropped instead.
class Completers {
 public:
  explicit Completers(int threads) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
  }
  ~Completers() {
    for (auto& thread : threads_) thread.request_stop();
    threads_.clear();
  }
  void add(agent::Completion completion, agent::Decision decision) {
    const std::lock_guard lock{mutex_};
    work_.push_back({std::move(completion), std::move(decision)});
    changed_.notify_one();
  }
  [[nodiscard]] unsigned dropped() const { return taken_ / 8; }

 private:
  struct Work {
    agent::Completion completion;
    agent::Decision decision;
  };
  void run(const std::stop_token& stop) {
    std::unique_lock lock{mutex_};
    while (changed_.wait(lock, stop, [this] { return !work_.empty(); })) {
      Work work = std::move(work_.front());
      work_.pop_front();
      lock.unlock();
      if (++taken_ % 8 != 0) std::move(work.completion).complete(std::move(work.decision));
      {
        const Work dropped = std::move(work);
      }
      lock.lock();
    }
  }
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Work> work_;
  std::atomic<unsigned> taken_{0};
  std::vector<std::jthread> threads_;
};

class Deferring final : public EchoHandler<> {
 public:
  explicit Deferring(Completers& completers) : completers_(completers) {}
  agent::Reply on_request_headers(const agent::RequestHeaders& event, agent::Context& context) override {
    return later(agent::Decision::allow().tag(std::string{event.uri}), context);
  }
  agent::Reply on_request_body(const agent::RequestBodyChunk& event, agent::Context& context) override {
    return later(agent::Decision::allow().tag(std::string{base::as_text(event.data)}), context);
  }

 private:
  agent::Reply later(agent::Decision decision, agent::Context& context) {
    auto completion = context.defer();
    const auto deferred = completion.deferred();
    completers_.add(std::move(completion), std::move(decision));
    return deferred;
  }
  Completers& completers_;
};

class CompletionRace : public ::testing::TestWithParam<agent::Execution> {};

TEST_P(CompletionRace, AnswersFromManyThreadsReachTheirCallsOrNobody) {
  const transport::testing::TemporaryFolder folder;
  Completers completers{3};  // outlives the server, so that some answers come too late
  agent::Server server{
      {.listen = {folder.socket().text()}, .threads = 2, .execution = GetParam(), .drain_timeout = 200ms},
      [&] { return std::make_unique<Deferring>(completers); }};
  ASSERT_TRUE(server.start());
  {
    std::vector<std::jthread> proxies;
    for (std::uint32_t i = 0; i < 2; ++i)
      proxies.emplace_back([&, i] {
        LoadPlan plan{.endpoint = folder.socket(),
                      .seed = i + 1,
                      .exchanges = 800,
                      .at_once = 16,
                      .call_timeout = 100ms,
                      .abandoned_per_mille = 20};
        plan.config.connections_per_agent = 2;
        Load load{plan};
        EXPECT_TRUE(load.ready());
        const LoadResult result = load.run();
        EXPECT_EQ(result.wrong, 0U);
        EXPECT_GT(result.answered, 0U);
      });
  }
  server.stop();
  EXPECT_GT(completers.dropped(), 0U) << "no completion was dropped: the test proves less";
}

INSTANTIATE_TEST_SUITE_P(Executions, CompletionRace,
                         ::testing::Values(agent::Execution::on_loop, agent::Execution::handed_over),
                         [](const auto& test) {
                           return test.param == agent::Execution::on_loop ? "OnLoop" : "HandedOver";
                         });

}  // namespace
}  // namespace picket::tests
