#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include <gtest/gtest.h>

#include "apps/gateway/upstream/pool.hpp"
#include "apps/gateway/upstream/testing/pool.hpp"

namespace picket::apps::gateway::upstream {
namespace {

using namespace std::chrono_literals;
using testing::PoolTest;
using testing::Target;
using transport::testing::turn_until;

/// A connection of which the test says what it takes.
struct Played final : SharedConnection {
  Played(Socket with, std::size_t room_in) : socket(std::move(with)), left(room_in) {}
  [[nodiscard]] std::size_t room() const noexcept override { return left; }
  [[nodiscard]] std::optional<std::size_t> most() const noexcept override { return at_once; }
  [[nodiscard]] bool is_open() const noexcept override { return open; }

  Socket socket;
  std::size_t left;
  std::optional<std::size_t> at_once;
  bool open = true;
};

class PoolShared : public PoolTest {
 protected:
  Pool& shared_pool(const Target& target) {
    return pool({target.port}, {.min_version = config::HttpVersion::http2, .max_version = config::HttpVersion::http2});
  }
  /// A new connection, which takes so many more.
  static std::shared_ptr<Played> share(Lease& lease, std::size_t room) {
    EXPECT_TRUE(lease.speaks_http2());
    EXPECT_FALSE(lease.shared());
    std::shared_ptr<Played> made;
    lease.share([&](Socket socket) { return made = std::make_shared<Played>(std::move(socket), room); });
    return made;
  }
  /// Somebody who asks.
  struct Asker {
    Asker(Pool& pool, transport::Cancel& cancel) { transport::spawn(ask(pool, cancel)); }
    transport::Task<void> ask(Pool& pool, transport::Cancel& cancel) {
      auto got = co_await pool.acquire(tried, cancel);
      lease.emplace(std::move(got));
      if (*lease && !(*lease)->shared()) share(**lease, 10);  // at once: others look as soon as it goes on
    }
    Tried tried;
    std::optional<base::Result<Lease>> lease;
  };
};

TEST_F(PoolShared, OneConnectionServesAsManyAsItTakesAndThenThereIsAnother) {
  const Target target;
  Pool& app = shared_pool(target);
  auto first = acquire().value();
  const auto connection = share(first, 1);
  const auto second = acquire().value();
  EXPECT_EQ(second.shared(), connection);
  EXPECT_TRUE(second.reused());
  connection->left = 0;
  const auto third = acquire().value();
  EXPECT_FALSE(third.shared());
  EXPECT_EQ(app.connects.value(), 2U);
}

TEST_F(PoolShared, WhoHasAShareCountsThoughNothingWasAskedYet) {
  const Target target;
  shared_pool(target);
  auto first = acquire().value();
  const auto connection = share(first, 10);
  connection->at_once = 2;
  const auto second = acquire().value();
  EXPECT_EQ(second.shared(), connection);
  EXPECT_FALSE(acquire().value().shared());
}

TEST_F(PoolShared, WhatOneConnectionTakesIsExpectedOfTheNextUntilItSaysItself) {
  const Target target;
  shared_pool(target);
  auto first = acquire().value();
  share(first, 10)->at_once = 1;
  auto second = acquire().value();
  const auto connection = share(second, 10);
  const auto third = acquire().value();
  EXPECT_FALSE(third.shared()) << "nobody knows that it takes more";
  connection->at_once = 2;
  EXPECT_EQ(acquire().value().shared(), connection);
}

TEST_F(PoolShared, WhoFoundNoPlaceLooksAgainWhateverRetriesAreFor) {
  const Target target;
  Pool& app = pool({target.port}, {.retry = config::Retry{.attempts = 1}});
  Tried tried;
  EXPECT_TRUE(app.may_ask_elsewhere(tried, false));
  EXPECT_TRUE(app.may_ask_elsewhere(tried, false));
  EXPECT_FALSE(app.may_ask_elsewhere(tried, false)) << "not for ever";
  Tried refused;
  EXPECT_FALSE(app.may_ask_elsewhere(refused, true));
}

TEST_F(PoolShared, OneThatTakesNoMoreEndsWithThoseWhoHaveAShare) {
  const Target target;
  Pool& app = shared_pool(target);
  std::optional<Lease> lease{acquire().value()};
  std::weak_ptr<Played> connection = share(*lease, 10);
  connection.lock()->open = false;
  EXPECT_FALSE(acquire().value().shared());
  EXPECT_FALSE(connection.expired());
  lease.reset();
  EXPECT_TRUE(connection.expired());
  EXPECT_EQ(app.places.open.value(), 0);
}

TEST_F(PoolShared, OneThatNobodyHasAShareOfGivesItsSocketToWhoNeedsOne) {
  const Target target;
  shared_pool(target);
  std::optional<Lease> lease{acquire().value()};
  const std::weak_ptr<Played> connection = share(*lease, 10);
  EXPECT_FALSE(sockets_.close_oldest());
  lease.reset();
  EXPECT_FALSE(connection.expired()) << "it is kept for the next";
  EXPECT_TRUE(sockets_.close_oldest());
  EXPECT_TRUE(connection.expired());
}

TEST_F(PoolShared, WhoComesWhileItIsOpenedWaitsForAShare) {
  const Target target;
  Pool& app = shared_pool(target);
  Asker first{app, cancel_};
  Asker second{app, cancel_};
  Asker third{app, cancel_};
  ASSERT_TRUE(turn_until(worker_, [&] { return first.lease.has_value(); }));
  const auto connection = (*first.lease)->shared();
  ASSERT_TRUE(turn_until(worker_, [&] { return second.lease.has_value() && third.lease.has_value(); }));
  EXPECT_EQ((*second.lease)->shared(), connection);
  EXPECT_EQ((*third.lease)->shared(), connection);
  EXPECT_EQ(app.connects.value(), 1U);
}

TEST_F(PoolShared, WhoHaveWaitedLongEnoughForAShareOpenNoMoreConnectionsThanThereMayBe) {
  Target silent{0};
  silent.fill();  // whoever connects now waits
  Pool& app = pool({silent.port}, {.min_version = config::HttpVersion::http2,
                                   .max_version = config::HttpVersion::http2,
                                   .connection_pool = {.max_connections = 2}});
  std::array<std::optional<Asker>, 4> askers;
  for (auto& asker : askers) {
    asker.emplace(app, cancel_);
    app.places.call_next();  // each looks, and finds that it may have a share soon
    transport::testing::turn_for(worker_, 1ms);
  }
  EXPECT_EQ(app.places.open.value(), 1);
  ASSERT_TRUE(turn_until(worker_, [&] { return app.places.open.value() >= 2; })) << "patience has an end";
  transport::testing::turn_for(worker_, 50ms);
  EXPECT_EQ(app.places.open.value(), 2);
  EXPECT_EQ(app.connects.value(), 2U);
  cancel_.request(wire::CancelReason::client_disconnect);
  const auto is_over = [](const auto& asker) { return asker->lease.has_value(); };
  EXPECT_TRUE(turn_until(worker_, [&] { return std::ranges::all_of(askers, is_over); }));
  EXPECT_EQ(app.places.open.value(), 0);
}

}  // namespace
}  // namespace picket::apps::gateway::upstream
