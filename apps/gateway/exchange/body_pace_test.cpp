#include "apps/gateway/exchange/body_pace.hpp"

#include <gtest/gtest.h>

namespace picket::apps::gateway::exchange {
namespace {

using std::chrono::seconds;

constexpr base::TimePoint start{};
constexpr seconds pause{30};

/// Plays a client that sends `size` bytes every `every`; returns when it is given up, or that it never is.
base::Duration given_up_after(std::uint64_t size, base::Duration every) {
  BodyPace pace{pause};
  base::TimePoint now = start;
  std::uint64_t received = 0;
  while (now < start + std::chrono::hours{1}) {
    const base::Deadline deadline = pace.begins(now, received);
    if (deadline.passed(now + every)) return deadline.at() - start;
    now += every;
    pace.ends(now);
    received += size;
  }
  return base::Duration::max();
}

TEST(BodyPace, OnePauseIsAllowed) { EXPECT_EQ(given_up_after(0, seconds{60}), pause); }

TEST(BodyPace, AByteNowAndThenIsNotEnough) { EXPECT_EQ(given_up_after(1, seconds{1}), pause); }

TEST(BodyPace, AKibibyteASecondIsEnough) { EXPECT_EQ(given_up_after(1024, seconds{1}), base::Duration::max()); }

TEST(BodyPace, NoPauseIsLongerThanTheFirstHoweverMuchHasCome) {
  EXPECT_EQ(given_up_after(1 << 30, seconds{31}), pause);
}

TEST(BodyPace, TimeSpentOnOthersDoesNotCount) {
  BodyPace pace{pause};
  base::TimePoint now = start;
  for (std::uint64_t received = 0; received < 1024; ++received) {
    const base::Deadline deadline = pace.begins(now, received);
    ASSERT_FALSE(deadline.passed(now + std::chrono::milliseconds{1}));
    now += std::chrono::milliseconds{1};
    pace.ends(now);
    now += seconds{20};  // the upstream takes its time
  }
}

}  // namespace
}  // namespace picket::apps::gateway::exchange
