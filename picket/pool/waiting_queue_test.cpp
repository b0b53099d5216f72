#include "picket/pool/waiting_queue.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <random>

#include <gtest/gtest.h>

namespace picket::pool {
namespace {

struct Guest : WaitingQueue::Place {};

TEST(WaitingQueue, WhoCameFirstIsInFrontWhoeverLeaves) {
  WaitingQueue queue;
  std::array<Guest, 8> guests;
  std::deque<Guest*> expected;
  std::minstd_rand random{1};
  for (int step = 0; step < 10'000; ++step) {
    Guest& guest = guests[random() % guests.size()];
    const auto found = std::ranges::find(expected, &guest);
    EXPECT_EQ(queue.remove(guest), found != expected.end());
    if (found != expected.end()) {
      expected.erase(found);
    } else {
      queue.push_back(guest);
      expected.push_back(&guest);
    }
    ASSERT_EQ(queue.size(), expected.size());
    ASSERT_EQ(queue.front(), expected.empty() ? nullptr : expected.front());
  }
  for (Guest* const guest : expected) {
    ASSERT_EQ(queue.front(), guest);
    queue.remove(*guest);
  }
  EXPECT_TRUE(queue.empty());
}

TEST(WaitingQueue, EachIsLookedAtInOrderAndMayBeTakenOutMeanwhile) {
  WaitingQueue queue;
  std::array<Guest, 5> guests;
  for (Guest& guest : guests) queue.push_back(guest);
  std::size_t looked_at = 0;
  queue.each([&](WaitingQueue::Place& place) {
    EXPECT_EQ(&place, &guests[looked_at]);
    if (looked_at++ % 2 == 0) queue.remove(place);
  });
  EXPECT_EQ(looked_at, guests.size());
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_EQ(queue.front(), &guests[1]);
}

TEST(WaitingQueue, WhoDoesNotWaitIsNotTakenOut) {
  WaitingQueue queue;
  Guest guest;
  EXPECT_FALSE(queue.remove(guest));
  queue.push_back(guest);
  EXPECT_TRUE(queue.remove(guest));
  EXPECT_FALSE(queue.remove(guest));
}

}  // namespace
}  // namespace picket::pool
