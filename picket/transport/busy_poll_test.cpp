#include "picket/transport/busy_poll.hpp"

#include <gtest/gtest.h>

namespace picket::transport {
namespace {

using namespace std::chrono_literals;

/// Waits as a worker does; the next event comes `after` that long. True where the loop stayed awake.
bool wait(BusyPoll& poll, base::Duration after) {
  const bool awake = poll.pays();
  awake ? poll.stayed_awake(after <= 50us) : poll.slept(after);
  return awake;
}

/// How many of `count` waits the loop stayed awake for.
int awake(BusyPoll& poll, int count, base::Duration after) {
  int times = 0;
  for (int i = 0; i < count; ++i) times += wait(poll, after) ? 1 : 0;
  return times;
}

TEST(BusyPoll, SleepsUntilWaitsHaveProvedShort) {
  BusyPoll poll;
  EXPECT_EQ(awake(poll, 1000, 1ms), 0);
  (void)awake(poll, 100, 20us);
  EXPECT_EQ(awake(poll, 1000, 20us), 1000);
}

TEST(BusyPoll, GoesBackToSleepWhereWaitsBecomeLong) {
  BusyPoll poll;
  (void)awake(poll, 100, 20us);
  EXPECT_LT(awake(poll, 10'000, 1ms), 10);
}

TEST(BusyPoll, TellsWhichWaitOfARepeatedRowIsTheLongOne) {
  BusyPoll poll;
  const auto request = [&] {
    const bool for_agent = wait(poll, 20us);
    const bool for_upstream = wait(poll, 40us);
    const bool for_client = wait(poll, 5ms);
    return std::array{for_agent, for_upstream, for_client};
  };
  for (int i = 0; i < 100; ++i) (void)request();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(request(), (std::array{true, true, false}));
}

TEST(BusyPoll, TriesEverMoreRarelyWhereOnlySleepMakesWaitsShort) {
  // As where the agent has to run on the core that the loop would stay awake on.
  BusyPoll poll;
  int tried = 0;
  for (int i = 0; i < 100'000; ++i) {
    const bool awake = poll.pays();
    awake ? poll.stayed_awake(false) : poll.slept(30us);
    tried += awake ? 1 : 0;
  }
  EXPECT_GT(tried, 10) << "it never finds out that things have changed";
  EXPECT_LT(tried, 500);
}

}  // namespace
}  // namespace picket::transport
