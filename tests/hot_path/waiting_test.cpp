#include <algorithm>
#include <array>
#include <optional>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "picket/transport/listener.hpp"
#include "picket/transport/worker.hpp"
#include "tests/hot_path/interposed.hpp"

/// How a worker waits: awake where its waits have been short, asleep where it is told to.
namespace picket::tests {
namespace {

/// A worker with a connection, so that it has something to wait for.
class Connected {
 public:
  explicit Connected(const transport::WorkerOptions& options) : worker_(options) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    near_.emplace(transport::adopt(worker_, ends[0]));
    far_ = ends[1];
  }
  Connected(const Connected&) = delete;
  Connected& operator=(const Connected&) = delete;
  ~Connected() { ::close(far_); }

  void wait_shortly_often() {
    for (int i = 0; i < 50; ++i) {
      worker_.post([] {});
      worker_.turn(base::TimePoint::max());
    }
  }
  /// How often it looks for events in a turn that has none.
  std::uint64_t looks_until(base::TimePoint until) {
    const std::uint64_t before = calls().polls;
    worker_.turn(until);
    return calls().polls - before;
  }

 private:
  transport::Worker worker_;
  std::optional<transport::Stream> near_;
  int far_ = -1;
};

/// The most looks of some idle turns, each after turns with short waits.
std::uint64_t looks_of_an_idle_turn(const transport::WorkerOptions& options) {
  Connected worker{options};
  std::uint64_t most = 0;
  for (int i = 0; i < 20; ++i) {
    worker.wait_shortly_often();
    most = std::max(most, worker.looks_until(base::Clock::now() + std::chrono::milliseconds{2}));
  }
  return most;
}

TEST(Waiting, StaysAwakeWhereWaitsWereShort) { EXPECT_GT(looks_of_an_idle_turn({}), 10U); }

TEST(Waiting, SleepsWhereBusyPollingIsOff) { EXPECT_LT(looks_of_an_idle_turn({.busy_polling = false}), 4U); }

TEST(Waiting, SleepsWhereSeveralThreadsTakeTurns) {
  EXPECT_LT(looks_of_an_idle_turn({.threading = transport::Threading::shared}), 4U);
}

TEST(Waiting, LooksNoLongerOnceATimerIsDue) {
  Connected worker{{}};
  worker.wait_shortly_often();
  EXPECT_LT(worker.looks_until(base::Clock::now() - std::chrono::milliseconds{1}), 20U);
}

}  // namespace
}  // namespace picket::tests
