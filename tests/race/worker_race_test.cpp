#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "picket/transport/worker.hpp"

namespace picket::transport {
namespace {

constexpr int posters = 4;
constexpr int jobs = 2000;

TEST(WorkerRace, JobsPostedByManyThreadsRunOnceEachOnTheWorker) {
  Worker worker;
  std::thread::id home;
  int ran = 0;  // not atomic: only the worker's thread may touch it
  std::jthread runner{[&] {
    home = std::this_thread::get_id();
    worker.run();
  }};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < posters; ++i)
      threads.emplace_back([&] {
        for (int j = 0; j < jobs; ++j)
          worker.post([&] {
            EXPECT_EQ(std::this_thread::get_id(), home);
            ++ran;
          });
      });
  }
  worker.stop();
  runner.join();
  EXPECT_EQ(ran, posters * jobs);
}

TEST(WorkerRace, SharedWorkerRunsPostedJobsOneAtATimeOnAnyOfItsThreads) {
  Worker worker{{.threading = Threading::shared}};
  int ran = 0;  // not atomic: the worker's lock must order them
  std::atomic<int> evaluated{0};
  std::vector<std::jthread> runners;
  for (int i = 0; i < 3; ++i) runners.emplace_back([&] { worker.run(); });
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < posters; ++i)
      threads.emplace_back([&] {
        for (int j = 0; j < jobs; ++j)
          worker.post([&] {
            ++ran;
            worker.hand_over([&] { ++evaluated; });
          });
      });
  }
  while (evaluated != posters * jobs) std::this_thread::yield();
  worker.stop();
  runners.clear();
  EXPECT_EQ(ran, posters * jobs);
}

TEST(WorkerRace, StopFromSeveralThreadsWhileOthersPostEndsRun) {
  for (const auto threading : {Threading::single, Threading::shared})
    for (int round = 0; round < 20; ++round) {
      Worker worker{{.threading = threading}};
      std::atomic<int> ran{0};
      std::jthread runner{[&] { worker.run(); }};
      std::vector<std::jthread> threads;
      for (int i = 0; i < posters; ++i)
        threads.emplace_back([&, i] {
          for (int j = 0; j < 50; ++j) {
            worker.post([&] { ++ran; });
            if (j == 25 && i % 2 == 0) worker.stop();
          }
        });
      runner.join();
      threads.clear();
      EXPECT_LE(ran, posters * 50);
    }
}

TEST(WorkerRace, TimersOfASharedWorkerFireOnceWhoeverServesThem) {
  Worker worker{{.threading = Threading::shared}};
  std::atomic<int> fired{0};
  const auto on_due = [](void* count, base::TimePoint) { ++*static_cast<std::atomic<int>*>(count); };
  std::vector<std::unique_ptr<base::Timer>> timers;
  std::vector<std::jthread> runners;
  for (int i = 0; i < 3; ++i) runners.emplace_back([&] { worker.run(); });
  for (int i = 0; i < 200; ++i)
    worker.post([&, i] {
      timers.push_back(std::make_unique<base::Timer>(on_due, &fired));
      worker.timers().arm(*timers.back(), worker.now() + std::chrono::milliseconds{i % 20});
    });
  while (fired != 200) std::this_thread::yield();
  worker.stop();
  runners.clear();
  EXPECT_EQ(fired, 200);
}

}  // namespace
}  // namespace picket::transport
