#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/gateway/upstream/testing/pool.hpp"

/// How many connections there may be and for how long, how often a request is tried, and who is passed over for what.
namespace picket::apps::gateway::upstream {
namespace {

using namespace std::chrono_literals;
using testing::address;
using testing::Target;
using transport::testing::turn_until;

class PoolLimits : public testing::PoolTest {
 protected:
  /// A request that waits while the test goes on.
  class Waiting {
   public:
    Waiting(Pool& pool, transport::Cancel& cancel) { transport::spawn(keep(pool.acquire(tried_, cancel))); }
    [[nodiscard]] bool is_over() const { return lease.has_value(); }
    std::optional<base::Result<Lease>> lease;

   private:
    transport::Task<void> keep(transport::Task<base::Result<Lease>> task) {
      auto result = co_await task;
      lease.emplace(std::move(result));
    }
    Tried tried_;
  };

  Pool& of_two(std::uint16_t port) { return pool({port}, {.connection_pool = {.max_connections = 2}}); }
};

TEST_F(PoolLimits, OverTheLimitARequestWaitsForAConnectionAndTakesTheOneThatIsGivenBack) {
  const Target target;
  Pool& app = of_two(target.port);
  auto one = acquire().value();
  std::optional<Lease> two{acquire().value()};
  Waiting waits{app, cancel_};
  transport::testing::turn_for(worker_, 20ms);
  EXPECT_FALSE(waits.is_over());
  one.give_back();
  ASSERT_TRUE(turn_until(worker_, [&] { return waits.is_over(); }));
  ASSERT_TRUE(*waits.lease);
  EXPECT_TRUE((*waits.lease)->reused());
  EXPECT_EQ(app.places.waits.value(), 1U);
  Waiting again{app, cancel_};
  two.reset();
  ASSERT_TRUE(turn_until(worker_, [&] { return again.is_over(); }));
  ASSERT_TRUE(*again.lease) << "a connection that ends makes room for a new one";
  EXPECT_FALSE((*again.lease)->reused());
  EXPECT_EQ(app.places.open.value(), 2);
}

TEST_F(PoolLimits, WhoWaitsTakesTurnsAmongTheTargetsAllTheSame) {
  const Target one;
  const Target two;
  Pool& app = pool({one.port, two.port}, {.connection_pool = {.max_connections = 1}});
  std::optional<Lease> held{acquire().value()};
  std::vector<std::string> taken{held->address()};
  for (int i = 0; i < 5; ++i) {
    Waiting next{app, cancel_};
    held->give_back();
    held.reset();
    ASSERT_TRUE(turn_until(worker_, [&] { return next.is_over(); }));
    taken.push_back((*next.lease)->address());
    held.emplace(std::move(**next.lease));
  }
  for (std::size_t i = 1; i < taken.size(); ++i) EXPECT_NE(taken[i], taken[i - 1]);
}

TEST_F(PoolLimits, WhoWaitsTooLongIsToldSoAndNobodyIsBlamed) {
  const Target target;
  Pool& app = pool({target.port}, {.timeouts = {.connect = 30ms}, .connection_pool = {.max_connections = 1}});
  const auto one = acquire().value();
  const auto late = acquire();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind(), base::ErrorKind::unavailable);
  EXPECT_EQ(late.error().detail(), "no connection was free in time");
  EXPECT_EQ(app.connect_failures.value(), 0U);
}

TEST_F(PoolLimits, ARequestWaitsNoLongerThanItMayTake) {
  const Target target;
  pool({target.port}, {.timeouts = {.connect = 3'600s}, .connection_pool = {.max_connections = 1}});
  const auto one = acquire().value();
  tried_ = {.failures = {}, .until = base::Deadline{worker_.now() + 30ms}};
  EXPECT_FALSE(acquire_next());
}

TEST_F(PoolLimits, WhoIsGoneLeavesTheLineAndTheNextGetsHisConnection) {
  const Target target;
  Pool& app = pool({target.port}, {.connection_pool = {.max_connections = 1}});
  auto one = acquire().value();
  transport::Cancel gone;
  Waiting first{app, gone};
  Waiting second{app, cancel_};
  one.give_back();                                      // the first is called
  gone.request(wire::CancelReason::client_disconnect);  // and does not come
  ASSERT_TRUE(turn_until(worker_, [&] { return first.is_over() && second.is_over(); }));
  EXPECT_FALSE(*first.lease);
  EXPECT_TRUE(*second.lease);
}

TEST_F(PoolLimits, TheLineHasAnEnd) {
  const Target target;
  Pool& app = pool({target.port}, {.connection_pool = {.max_connections = 1}});
  std::optional<Lease> one{acquire().value()};
  std::vector<std::unique_ptr<Waiting>> waiting;
  for (std::size_t i = 0; i < most_waiting; ++i) waiting.push_back(std::make_unique<Waiting>(app, cancel_));
  EXPECT_EQ(acquire().error().detail(), "too many requests wait for a connection");
  one.reset();
  const auto all_over = [&] {
    return std::ranges::all_of(waiting, [](auto& each) {
      if (each->is_over())
        each->lease->has_value() ? each->lease.emplace(base::fail(base::ErrorKind::io, "")) : *each->lease;
      return each->is_over();
    });
  };
  EXPECT_TRUE(turn_until(worker_, all_over)) << "each in turn";
}

TEST_F(PoolLimits, AnIdleConnectionToAnotherTargetMakesRoom) {
  const Target one;
  const Target two;
  Pool& app = pool({one.port, two.port}, {.connection_pool = {.max_connections = 1}});
  std::set<std::string> asked;
  for (int i = 0; i < 2; ++i) {
    auto lease = acquire().value();
    asked.insert(lease.address());
    lease.give_back();
  }
  EXPECT_EQ(asked.size(), 2U);
  EXPECT_EQ(app.places.open.value(), 1);
}

TEST_F(PoolLimits, NoMoreAreKeptThanMayBeIdleAndNoneThatIsTooOld) {
  const Target target;
  Pool& app = pool({target.port}, {.connection_pool = {.max_idle = 1}});
  auto one = acquire().value();
  auto two = acquire().value();
  one.give_back();
  two.give_back();
  EXPECT_EQ(app.idle(), 1U);
  Pool& young = pool({target.port}, {.connection_pool = {.max_lifetime = 30ms}});
  acquire().value().give_back();
  EXPECT_TRUE(acquire().value().reused());
  acquire().value().give_back();
  transport::testing::turn_for(worker_, 40ms);
  EXPECT_FALSE(acquire().value().reused());
  EXPECT_EQ(young.idle(), 0U);
}

TEST_F(PoolLimits, ARequestIsTriedAsOftenAsItMayBe) {
  std::vector<std::uint16_t> dead;
  for (int i = 0; i < 4; ++i) {
    Target target;
    dead.push_back(target.port);
    target.close();
  }
  Pool& twice = pool(dead, {.retry = config::Retry{.attempts = 2}});
  EXPECT_FALSE(acquire());
  EXPECT_EQ(twice.connect_failures.value(), 2U);
  Pool& once = pool(dead, {.retry = config::Retry{.attempts = 9, .on_connect_failure = false}});
  EXPECT_FALSE(acquire());
  EXPECT_EQ(once.connect_failures.value(), 1U);
}

TEST_F(PoolLimits, WhatHangsUpOnEverybodyIsAskedAgainWithinABudget) {
  const Target target;
  const Target other;
  Pool& app = pool({target.port, other.port});
  tried_ = {};
  int again = 0;
  while (app.may_ask_again(tried_, false)) ++again;
  EXPECT_EQ(again, 10);
  EXPECT_EQ(app.retries_withheld.value(), 1U);
  EXPECT_TRUE(app.may_ask_again(tried_, true)) << "a stale connection says nothing of the upstream";
}

TEST_F(PoolLimits, FailuresInARowPutATargetOutAndNeverMoreThanHalfOfThem) {
  const Target one;
  const Target two;
  Pool& app = pool({one.port, two.port}, {.passive_health = config::PassiveHealth{.failures = 2, .rest = 60s}});
  for (int i = 0; i < 8; ++i) acquire(true).value().unanswered();
  const auto rests = [&] { return app.sites().metrics_of(0).rests.value() + app.sites().metrics_of(1).rests.value(); };
  EXPECT_EQ(rests(), 1U);
  const std::string left = acquire(true).value().address();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(acquire(true).value().address(), left);
}

TEST_F(PoolLimits, ATimeOutIsNoFailureWhereNothingIsSaidOfFailuresInARow) {
  const Target one;
  const Target two;
  Pool& app = pool({one.port, two.port});
  for (int i = 0; i < 8; ++i) acquire(true).value().unanswered();
  EXPECT_EQ(app.sites().metrics_of(0).failures.value(), 0U);
}

}  // namespace
}  // namespace picket::apps::gateway::upstream
