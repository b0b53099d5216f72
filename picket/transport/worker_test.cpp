#include "picket/transport/worker.hpp"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace picket::transport {
namespace {

using namespace std::chrono_literals;

struct Counting final : Flushable {
  int flushed = 0;
  void flush() override { ++flushed; }
};

TEST(Worker, OutputOfOneTurnIsFlushedOnceAtItsEnd) {
  Worker worker;
  Counting item;
  worker.post([&] {
    worker.flush_later(item);
    worker.flush_later(item);
    EXPECT_EQ(item.flushed, 0);
  });
  worker.turn(worker.now() + 1s);
  EXPECT_EQ(item.flushed, 1);
}

TEST(Worker, OutputFromOutsideTheLoopDoesNotWaitForAnEvent) {
  for (const auto threading : {Threading::single, Threading::shared}) {
    Worker worker{{.threading = threading}};
    Counting item;
    worker.flush_later(item);
    worker.turn(base::TimePoint::max());  // nothing else will ever happen
    EXPECT_EQ(item.flushed, 1);
  }
}

TEST(Worker, ForgottenItemIsNotFlushed) {
  Worker worker;
  Counting item;
  worker.post([&] {
    worker.flush_later(item);
    worker.forget(item);
  });
  worker.turn(worker.now() + 1s);
  EXPECT_EQ(item.flushed, 0);
}

TEST(Worker, TimeStandsStillWithinATurnAndMovesBetween) {
  Worker worker;
  base::TimePoint first;
  worker.post([&] {
    first = worker.now();
    std::this_thread::sleep_for(2ms);
    EXPECT_EQ(worker.now(), first);
  });
  worker.turn(worker.now() + 1s);
  worker.turn(base::Clock::now() + 1ms);
  EXPECT_GT(worker.now(), first);
}

TEST(Worker, DueTimerFiresWithoutAnyOtherEvent) {
  Worker worker;
  bool fired = false;
  base::Timer timer{[](void* flag, base::TimePoint) { *static_cast<bool*>(flag) = true; }, &fired};
  worker.timers().arm(timer, base::Clock::now() + 5ms);
  const auto give_up = base::Clock::now() + 20s;
  while (!fired && base::Clock::now() < give_up) worker.turn(give_up);
  EXPECT_TRUE(fired);
}

TEST(Worker, WhatHasComeIsHeardBeforeATimerThatIsOverdue) {
  Worker worker;
  std::vector<std::string> order;
  base::Timer timer{
      [](void* said, base::TimePoint) { static_cast<std::vector<std::string>*>(said)->emplace_back("the timer"); },
      &order};
  worker.timers().arm(timer, base::Clock::now() + 1ms);
  worker.post([&] { order.emplace_back("what came"); });
  std::this_thread::sleep_for(5ms);  // as a thread that the machine keeps waiting
  worker.turn(base::TimePoint::max());
  EXPECT_EQ(order, (std::vector<std::string>{"what came", "the timer"}));
}

TEST(Worker, StopFromAnotherThreadEndsRun) {
  Worker worker;
  std::jthread thread{[&] { worker.run(); }};
  bool ran = false;
  worker.post([&] { ran = true; });
  worker.stop();
  thread.join();
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace picket::transport
