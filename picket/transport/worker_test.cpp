#include "picket/transport/worker.hpp"

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "picket/transport/stream.hpp"
#include "picket/transport/task.hpp"
#include "picket/transport/testing.hpp"

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

// ---- what may go on

/// Awaitable: until somebody lets it go on.
struct Gate {
  explicit Gate(Worker& worker_in) : worker(worker_in) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) noexcept { waits.wait(waiting); }
  void await_resume() const noexcept {}
  void open() { worker.resume(waits); }

  Worker& worker;
  Resumption waits;
};

Task<void> pass(Gate& gate, std::vector<std::string>& order, std::string name) {
  co_await gate;
  order.push_back(std::move(name));
}

class Resumptions : public ::testing::TestWithParam<Threading> {
 protected:
  Worker worker_{{.threading = GetParam()}};
  std::vector<std::string> order_;
};

TEST_P(Resumptions, NobodyGoesOnBelowWhoeverLetsHim) {
  Gate gate{worker_};
  spawn(pass(gate, order_, "goes on"));
  worker_.post([&] {
    gate.open();
    order_.emplace_back("handler returns");
  });
  worker_.turn(base::TimePoint::max());
  EXPECT_EQ(order_, (std::vector<std::string>{"handler returns", "goes on"}));
}

TEST_P(Resumptions, GoOnInTheirOrderAndOnceHoweverOftenTheyAreLet) {
  Gate first{worker_};
  Gate second{worker_};
  spawn(pass(first, order_, "first"));
  spawn(pass(second, order_, "second"));
  for (Gate* const gate : {&first, &second, &first}) gate->open();
  worker_.turn(base::TimePoint::max());  // nothing else will ever happen
  first.open();                          // nobody waits there any more
  worker_.turn(base::TimePoint::min());
  EXPECT_EQ(order_, (std::vector<std::string>{"first", "second"}));
}

struct Noting final : Flushable {
  explicit Noting(std::vector<std::string>& order_in) : order(order_in) {}
  std::vector<std::string>& order;
  void flush() override { order.emplace_back("flush"); }
};

TEST_P(Resumptions, WhatTheyProduceLeavesInTheSameTurn) {
  Gate gate{worker_};
  Noting output{order_};
  const auto ask = [](Gate& at, Flushable& item, std::vector<std::string>& order) -> Task<void> {
    co_await at;
    order.emplace_back("goes on");
    at.worker.flush_later(item);
  };
  spawn(ask(gate, output, order_));
  worker_.post([&] { gate.open(); });
  worker_.turn(base::TimePoint::max());
  EXPECT_EQ(order_, (std::vector<std::string>{"goes on", "flush"}));
}

TEST_P(Resumptions, WhomAFlushLetsGoesOnAndFlushesInTheSameTurn) {
  Gate gate{worker_};
  Noting output{order_};
  struct Ending final : Flushable {
    explicit Ending(Gate& gate_in) : gate(gate_in) {}
    Gate& gate;
    void flush() override { gate.open(); }
  } failed{gate};
  const auto ask = [](Gate& at, Flushable& item) -> Task<void> {
    co_await at;
    at.worker.flush_later(item);
  };
  spawn(ask(gate, output));
  worker_.flush_later(failed);
  worker_.turn(base::TimePoint::max());
  EXPECT_EQ(order_, (std::vector<std::string>{"flush"}));
}

TEST_P(Resumptions, WhomATimerLetsGoesOnInTheSameTurn) {
  const auto sleep = [](Worker& worker, std::vector<std::string>& order) -> Task<void> {
    const base::TimePoint until = base::Clock::now() + 2ms;
    co_await SleepUntil(worker, until);
    order.emplace_back("woken");
  };
  spawn(sleep(worker_, order_));
  EXPECT_TRUE(testing::turn_until(worker_, [&] { return !order_.empty(); }));
}

TEST_P(Resumptions, WhatIsDestroyedWhileItIsQueuedIsForgotten) {
  auto gate = std::make_unique<Gate>(worker_);
  gate->waits.wait([](void* order) { static_cast<std::vector<std::string>*>(order)->emplace_back("gone"); }, &order_);
  Gate other{worker_};
  spawn(pass(other, order_, "other"));
  gate->open();
  other.open();
  gate.reset();
  worker_.turn(base::TimePoint::max());
  EXPECT_EQ(order_, (std::vector<std::string>{"other"}));
}

TEST_P(Resumptions, OneMayEndAnotherThatIsQueuedBehindIt) {
  auto behind = std::make_unique<Gate>(worker_);
  behind->waits.wait([](void* order) { static_cast<std::vector<std::string>*>(order)->emplace_back("behind"); },
                     &order_);
  Gate first{worker_};
  const auto end = [](Gate& at, std::unique_ptr<Gate>& other) -> Task<void> {
    co_await at;
    other.reset();
  };
  spawn(end(first, behind));
  first.open();
  behind->open();
  worker_.turn(base::TimePoint::max());
  EXPECT_EQ(behind, nullptr);
  EXPECT_TRUE(order_.empty());
}

TEST_P(Resumptions, ThoseThatBegetOthersWithoutEndLetTheLoopGoOn) {
  struct Endless {
    explicit Endless(Worker& worker_in) : worker(worker_in) { again(); }
    void again() {
      ++times;
      waits.wait([](void* self) { static_cast<Endless*>(self)->again(); }, this);
      worker.resume(waits);
    }
    Worker& worker;
    Resumption waits;
    int times = 0;
  } endless{worker_};
  bool heard = false;
  worker_.post([&] { heard = true; });
  worker_.turn(base::TimePoint::max());
  worker_.turn(base::TimePoint::max());
  EXPECT_TRUE(heard);
  EXPECT_GT(endless.times, Worker::resumptions_per_turn) << "what is left goes on in the next turn, without an event";
}

TEST(Worker, ThatEndsForgetsWhoIsQueued) {
  std::optional<Worker> worker{std::in_place};
  Gate gate{*worker};
  bool went_on = false;
  gate.waits.wait([](void* flag) { *static_cast<bool*>(flag) = true; }, &went_on);
  gate.open();
  worker.reset();
  EXPECT_FALSE(went_on);
}

INSTANTIATE_TEST_SUITE_P(Threads, Resumptions, ::testing::Values(Threading::single, Threading::shared),
                         [](const auto& test) { return test.param == Threading::single ? "Single" : "Shared"; });

}  // namespace
}  // namespace picket::transport
