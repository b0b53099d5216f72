#include "picket/pool/connection_life.hpp"

#include <random>
#include <string_view>

#include <gtest/gtest.h>

namespace picket::pool {
namespace {

using State = ConnectionLife::State;

/// A connection in each state, by the way that leads there.
ConnectionLife in(State state) {
  ConnectionLife life;
  if (state == State::spare) return life;
  if (state == State::waiting) {
    EXPECT_TRUE(life.wait());
    return life;
  }
  EXPECT_TRUE(life.dial());
  if (state != State::connecting) EXPECT_TRUE(life.open());
  if (state == State::draining) life.drain();
  if (state == State::closed) life.close();
  EXPECT_EQ(life.state(), state);
  return life;
}

struct Steps {
  State from;
  State dialled;
  State opened;
  State ended;
  State paused;
  State drained;
};

TEST(ConnectionLife, EveryStepFromEveryState) {
  constexpr Steps table[] = {
      // from             dial               open             end            wait               drain
      {State::spare, State::connecting, State::spare, State::spare, State::waiting, State::closed},
      {State::waiting, State::connecting, State::waiting, State::spare, State::waiting, State::closed},
      {State::connecting, State::connecting, State::ready, State::spare, State::connecting, State::closed},
      {State::ready, State::ready, State::ready, State::spare, State::ready, State::draining},
      {State::draining, State::draining, State::draining, State::closed, State::draining, State::draining},
      {State::closed, State::closed, State::closed, State::closed, State::closed, State::closed}};
  const auto expect = [](State from, State to, auto step) {
    ConnectionLife life = in(from);
    const bool moved = step(life);
    EXPECT_EQ(life.state(), to) << static_cast<int>(from);
    EXPECT_EQ(moved, from != to) << static_cast<int>(from);
  };
  for (const Steps& row : table) {
    SCOPED_TRACE(static_cast<int>(row.from));
    expect(row.from, row.dialled, [](ConnectionLife& life) { return life.dial(); });
    expect(row.from, row.opened, [](ConnectionLife& life) { return life.open(); });
    expect(row.from, row.paused, [](ConnectionLife& life) { return life.wait(); });
    ConnectionLife ended = in(row.from);
    EXPECT_EQ(ended.end(), row.from == State::ready || row.from == State::draining) << "whether it was open";
    EXPECT_EQ(ended.state(), row.ended);
    ConnectionLife drained = in(row.from);
    drained.drain();
    EXPECT_EQ(drained.state(), row.drained);
  }
}

TEST(ConnectionLife, OnceDrainedItIsNeverDialledAgainWhateverHappens) {
  std::mt19937 random{7};
  for (int round = 0; round < 200; ++round) {
    ConnectionLife life;
    bool drained = false;
    for (int step = 0; step < 40; ++step) {
      bool dialled = false;
      switch (random() % 6) {
        case 0: dialled = life.dial(); break;
        case 1: (void)life.open(); break;
        case 2: (void)life.end(); break;
        case 3: (void)life.wait(); break;
        case 4:
          if (random() % 4 == 0) {
            life.drain();
            drained = true;
          }
          break;
        default: break;
      }
      ASSERT_FALSE(drained && dialled);
      ASSERT_FALSE(drained && life.state() == State::ready);
    }
  }
}

}  // namespace
}  // namespace picket::pool
