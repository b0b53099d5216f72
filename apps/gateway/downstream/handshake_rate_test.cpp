#include "apps/gateway/downstream/handshake_rate.hpp"

#include <gtest/gtest.h>

namespace picket::apps::gateway::downstream {
namespace {

using namespace std::chrono_literals;

TEST(HandshakeRate, LetsAnAddressBeginSoManyAtOnceAndThenEvenly) {
  HandshakeRate rate;
  const base::TimePoint now = base::Clock::now();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(rate.admit("a", 10, now)) << i;
  EXPECT_FALSE(rate.admit("a", 10, now));
  EXPECT_TRUE(rate.admit("b", 10, now));
  EXPECT_FALSE(rate.admit("a", 10, now + 99ms));
  EXPECT_TRUE(rate.admit("a", 10, now + 100ms));
  EXPECT_FALSE(rate.admit("a", 10, now + 101ms));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(rate.admit("a", 10, now + 5s)) << i;
  EXPECT_FALSE(rate.admit("a", 10, now + 5s));
}

TEST(HandshakeRate, WhoIsRefusedLosesNothingByIt) {
  HandshakeRate rate;
  const base::TimePoint now = base::Clock::now();
  EXPECT_TRUE(rate.admit("a", 1, now));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(rate.admit("a", 1, now + 500ms));
  EXPECT_TRUE(rate.admit("a", 1, now + 1s));
}

TEST(HandshakeRate, ZeroIsNoLimit) {
  HandshakeRate rate;
  for (int i = 0; i < 1'000; ++i) EXPECT_TRUE(rate.admit("a", 0, base::Clock::now()));
}

TEST(HandshakeRate, AnotherLimitHoldsFromTheNextOneOn) {
  HandshakeRate rate;
  const base::TimePoint now = base::Clock::now();
  EXPECT_TRUE(rate.admit("a", 1, now));
  EXPECT_FALSE(rate.admit("a", 1, now + 500ms));
  EXPECT_TRUE(rate.admit("a", 10, now + 500ms));
}

TEST(HandshakeRate, MoreAddressesThanItRemembersAreLetInAndThoseItKnowsStayCounted) {
  HandshakeRate rate;
  const base::TimePoint now = base::Clock::now();
  for (std::size_t i = 0; i < HandshakeRate::max_addresses + 10; ++i)
    EXPECT_TRUE(rate.admit(std::to_string(i), 1, now));
  EXPECT_FALSE(rate.admit("5", 1, now));
  EXPECT_TRUE(rate.admit("new", 1, now));
  EXPECT_TRUE(rate.admit("new", 1, now)) << "not remembered";
  EXPECT_TRUE(rate.admit("new", 1, now + 2s));
  EXPECT_FALSE(rate.admit("new", 1, now + 2s)) << "the others are forgotten";
}

}  // namespace
}  // namespace picket::apps::gateway::downstream
