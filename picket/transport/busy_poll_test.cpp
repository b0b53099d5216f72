#include "picket/transport/busy_poll.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace picket::transport {
namespace {

using namespace std::chrono_literals;

/// How a kind of wait goes: `awake`, whether its event comes while the loop stays awake, and how long it is slept
/// through.
struct Wait {
  bool awake;
  base::Duration asleep;
  bool wrote = false;
};

/// Waits as a worker does. True where the loop stayed awake.
bool wait(BusyPoll& poll, const Wait& kind) {
  poll.turn_ends(kind.wrote);
  const bool awake = poll.pays();
  awake ? poll.stayed_awake(kind.awake) : poll.slept(kind.asleep);
  return awake;
}

/// How many of `count` waits the loop stayed awake for.
int awake(BusyPoll& poll, int count, const Wait& kind) {
  int times = 0;
  for (int i = 0; i < count; ++i) times += wait(poll, kind) ? 1 : 0;
  return times;
}

constexpr Wait for_agent{.awake = true, .asleep = 50us, .wrote = true};
constexpr Wait for_agent_on_this_core{.awake = false, .asleep = 30us, .wrote = true};
constexpr Wait for_upstream{.awake = true, .asleep = 50us};
constexpr Wait for_busy_client{.awake = true, .asleep = 50us};
constexpr Wait for_idle_client{.awake = false, .asleep = 5ms};

/// Which waits of a request the loop stays awake for once it knows them.
std::vector<bool> learned(BusyPoll& poll, const std::vector<Wait>& request) {
  for (int i = 0; i < 1000; ++i)
    for (const auto& kind : request) (void)wait(poll, kind);
  std::vector<bool> result;
  for (const auto& kind : request) result.push_back(wait(poll, kind));
  return result;
}

TEST(BusyPoll, SleepsUntilWaitsHaveProvedShort) {
  BusyPoll poll;
  EXPECT_EQ(awake(poll, 1000, for_idle_client), 0);
  (void)awake(poll, 100, for_upstream);
  EXPECT_EQ(awake(poll, 1000, for_upstream), 1000);
}

TEST(BusyPoll, GoesBackToSleepWhereWaitsBecomeLong) {
  BusyPoll poll;
  (void)awake(poll, 100, for_upstream);
  EXPECT_LT(awake(poll, 10'000, for_idle_client), 40);
}

TEST(BusyPoll, StaysAwakeWithinARequestAndSleepsBetweenRequests) {
  BusyPoll poll;
  EXPECT_EQ(learned(poll, {for_agent, for_upstream, for_idle_client}), (std::vector{true, true, false}));
}

TEST(BusyPoll, SleepsForAnAgentThatNeedsItsCoreAndStaysAwakeForOthers) {
  BusyPoll poll;
  EXPECT_EQ(learned(poll, {for_agent_on_this_core, for_upstream, for_busy_client}), (std::vector{false, true, true}));
}

TEST(BusyPoll, TriesEverMoreRarelyWhereOnlySleepMakesWaitsShort) {
  BusyPoll poll;
  const int tried = awake(poll, 100'000, for_agent_on_this_core);
  EXPECT_GT(tried, 10) << "it never finds out that things have changed";
  EXPECT_LT(tried, 500);
}

TEST(BusyPoll, BearsAMissNowAndThen) {
  BusyPoll poll;
  (void)awake(poll, 100, for_upstream);
  int times = 0;
  for (int i = 0; i < 1000; ++i) {
    times += awake(poll, 19, for_upstream);
    (void)wait(poll, for_idle_client);
  }
  EXPECT_GT(times, 16'000);
}

}  // namespace
}  // namespace picket::transport
