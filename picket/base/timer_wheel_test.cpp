#include "picket/base/timer_wheel.hpp"

#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace picket::base {
namespace {

using namespace std::chrono_literals;
constexpr TimePoint kStart{100h};

struct Recorder {
  int fired = 0;
  TimePoint at{};
  static void fire(void* owner, TimePoint now) {
    auto& self = *static_cast<Recorder*>(owner);
    ++self.fired;
    self.at = now;
  }
};

TEST(TimerWheel, FiresNeverEarlyAndAtMostOneTickLate) {
  TimerWheel wheel{kStart};
  Recorder recorder;
  Timer timer{&Recorder::fire, &recorder};
  wheel.arm(timer, kStart + 10ms + 300us);
  wheel.advance(kStart + 10ms + 299us);
  EXPECT_EQ(recorder.fired, 0);
  wheel.advance(kStart + 11ms + 300us);
  EXPECT_EQ(recorder.fired, 1);
  EXPECT_FALSE(timer.armed());
}

TEST(TimerWheel, FarTimersSurviveEveryRound) {
  TimerWheel wheel{kStart};
  Recorder recorder;
  Timer timer{&Recorder::fire, &recorder};
  wheel.arm(timer, kStart + 60s);
  for (auto now = kStart; now < kStart + 60s; now += 7ms) wheel.advance(now);
  EXPECT_EQ(recorder.fired, 0);
  wheel.advance(kStart + 60s + 1ms);
  EXPECT_EQ(recorder.fired, 1);
}

TEST(TimerWheel, CancelledAndDestroyedTimersDoNotFire) {
  TimerWheel wheel{kStart};
  Recorder recorder;
  Timer cancelled{&Recorder::fire, &recorder};
  auto destroyed = std::make_unique<Timer>(&Recorder::fire, &recorder);
  wheel.arm(cancelled, kStart + 1ms);
  wheel.arm(*destroyed, kStart + 1ms);
  cancelled.cancel();
  destroyed.reset();
  wheel.advance(kStart + 1s);
  EXPECT_EQ(recorder.fired, 0);
}

struct Rearming {
  TimerWheel& wheel;
  int fired = 0;
  Timer timer{&Rearming::fire, this};
  static void fire(void* owner, TimePoint now) {
    auto& self = *static_cast<Rearming*>(owner);
    ++self.fired;
    self.wheel.arm(self.timer, now);  // for the past: must not loop within one advance
  }
};

TEST(TimerWheel, TimerArmedForThePastFiresInTheNextAdvance) {
  TimerWheel wheel{kStart};
  Rearming rearming{wheel};
  wheel.arm(rearming.timer, kStart);
  wheel.advance(kStart + 5ms);
  EXPECT_EQ(rearming.fired, 1);
  wheel.advance(kStart + 6ms);
  EXPECT_EQ(rearming.fired, 2);
}

TEST(TimerWheel, NextIsNeverLaterThanTheEarliestTimer) {
  std::mt19937 random{7};
  TimerWheel wheel{kStart};
  std::vector<Recorder> recorders(200);
  std::vector<std::unique_ptr<Timer>> timers;
  TimePoint earliest = TimePoint::max();
  for (auto& recorder : recorders) {
    const TimePoint due = kStart + std::chrono::microseconds{1'000'000 + random() % 20'000'000};
    timers.push_back(std::make_unique<Timer>(&Recorder::fire, &recorder));
    wheel.arm(*timers.back(), due);
    earliest = std::min(earliest, due);
  }
  EXPECT_LE(wheel.next().value(), earliest + TimerWheel::tick);
  // Driving the wheel only by what next() says fires each timer, once, in time.
  for (auto next = wheel.next(); next; next = wheel.next()) wheel.advance(*next);
  for (std::size_t i = 0; i < recorders.size(); ++i) EXPECT_EQ(recorders[i].fired, 1) << i;
  EXPECT_FALSE(wheel.next());
}

}  // namespace
}  // namespace picket::base
