#include "apps/gateway/upstream/pool.hpp"

#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apps/gateway/testing/loop.hpp"
#include "apps/gateway/upstream/testing/pool.hpp"

namespace picket::apps::gateway::upstream {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using transport::testing::run;
using transport::testing::turn_until;

using testing::address;
using testing::Target;

class Upstream : public testing::PoolTest {};

TEST_F(Upstream, AConnectionThatWasGivenBackServesAgain) {
  const Target target;
  Pool& app = pool({target.port});
  int first = -1;
  {
    auto lease = acquire().value();
    EXPECT_FALSE(lease.reused());
    EXPECT_EQ(lease.address(), address(target));
    first = lease.stream().descriptor();
    lease.give_back();
  }
  auto again = acquire().value();
  EXPECT_TRUE(again.reused());
  EXPECT_EQ(again.stream().descriptor(), first);
  EXPECT_EQ(app.connects.value(), 1U);
}

TEST_F(Upstream, AConnectionThatWasNotGivenBackIsClosed) {
  const Target target;
  Pool& app = pool({target.port});
  {
    const auto lease = acquire().value();
  }
  EXPECT_EQ(app.idle(), 0U);
  EXPECT_FALSE(acquire().value().reused());
  const int accepted = target.accept();
  char byte = 0;
  EXPECT_EQ(::recv(accepted, &byte, 1, 0), 0) << "the first connection is still open";
  ::close(accepted);
}

TEST_F(Upstream, TheMostRecentlyUsedIsTakenFirst) {
  const Target target;
  pool({target.port});
  auto one = acquire().value();
  auto two = acquire().value();
  const int last = one.stream().descriptor();
  two.give_back();
  one.give_back();
  EXPECT_EQ(acquire().value().stream().descriptor(), last);
}

TEST_F(Upstream, AFreshConnectionIsNewAlthoughOneIsIdle) {
  const Target target;
  Pool& app = pool({target.port});
  acquire().value().give_back();
  const auto fresh = acquire(true).value();
  EXPECT_FALSE(fresh.reused());
  EXPECT_EQ(app.idle(), 1U);
}

TEST_F(Upstream, AConnectionThatThePeerClosedOrWroteToIsNotReused) {
  const Target target;
  Pool& app = pool({target.port});
  for (const bool closes : {true, false}) {
    acquire(true).value().give_back();
    const int accepted = target.accept();
    if (closes) {
      ::close(accepted);
    } else {
      ASSERT_EQ(::send(accepted, "HTTP/1.1 408 \r\n\r\n", 17, MSG_NOSIGNAL), 17);
    }
    worker_.turn(base::Clock::now());  // over loopback the FIN and the bytes have arrived already, and are heard
    const auto lease = acquire();
    ASSERT_TRUE(lease);
    EXPECT_FALSE(lease->reused()) << closes;
    EXPECT_EQ(app.idle(), 0U);
    ::close(target.accept());
    if (!closes) ::close(accepted);
  }
}

TEST_F(Upstream, AConnectionOnWhichMoreMayComeIsLeftAloneAWhileAndThenLookedAt) {
  const Target target;
  Pool& app = pool({target.port});
  acquire().value().give_back(true);
  const int accepted = target.accept();
  {
    const auto other = acquire().value();
    EXPECT_FALSE(other.reused()) << "leased while bytes may come";
    EXPECT_EQ(app.idle(), 1U);
  }
  transport::testing::turn_for(worker_, settling_time + 20ms);
  auto settled = acquire().value();
  EXPECT_TRUE(settled.reused());
  settled.give_back(true);
  ASSERT_EQ(::send(accepted, "stray", 5, MSG_NOSIGNAL), 5);
  transport::testing::turn_for(worker_, settling_time + 20ms);
  EXPECT_FALSE(acquire().value().reused()) << "a stray body came after it was given back";
  ::close(accepted);
}

TEST_F(Upstream, AConnectionOnWhichMoreHasComeIsNotKept) {
  const Target target;
  Pool& app = pool({target.port});
  auto lease = acquire().value();
  const int accepted = target.accept();
  ASSERT_EQ(::send(accepted, "stray", 5, MSG_NOSIGNAL), 5);
  lease.give_back(true);
  EXPECT_EQ(app.idle(), 0U);
  ::close(accepted);
}

TEST_F(Upstream, AnIdleConnectionIsClosedInTime) {
  const Target target;
  Pool& app = pool({target.port}, {.connection_pool = {.idle_timeout = 20ms}});
  acquire().value().give_back();
  EXPECT_EQ(app.idle(), 1U);
  EXPECT_TRUE(turn_until(worker_, [&] { return app.idle() == 0; }));
  EXPECT_FALSE(acquire().value().reused());
}

TEST_F(Upstream, ATargetThatRefusesIsPassedOverForTheNext) {
  Target dead;
  const Target live;
  dead.close();
  Pool& app = pool({dead.port, live.port});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(acquire(true).value().address(), address(live));
  EXPECT_EQ(app.connect_failures.value(), 1U) << "a failed target rests";
}

TEST_F(Upstream, WhenEveryTargetRefusesTheLastErrorIsReported) {
  Target one;
  Target two;
  one.close();
  two.close();
  Pool& app = pool({one.port, two.port});
  const auto lease = acquire();
  ASSERT_FALSE(lease);
  EXPECT_EQ(lease.error().kind(), base::ErrorKind::connection_failed);
  EXPECT_EQ(lease.error().detail(), "connection refused");
  EXPECT_EQ(tried_.failures.back().site->endpoint().text(), address(two));
  EXPECT_TRUE(app.is_exhausted(tried_));
  EXPECT_EQ(app.connect_failures.value(), 2U);
}

TEST_F(Upstream, EachAddressOfANameIsTriedAndThoseThatRefuseRest) {
  const Target target;  // on 127.0.0.1
  Pool& app = pool_of_name({"::1", "127.0.0.2", "127.0.0.1"}, target.port);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(acquire(true).value().address(), address(target));
  EXPECT_EQ(app.connect_failures.value(), 2U) << "refusing addresses are tried once";
}

TEST_F(Upstream, ANameIsInVainOnceAllItsAddressesAre) {
  Target target;
  target.close();
  Pool& app = pool_of_name({"::1", "127.0.0.1"}, target.port);
  EXPECT_FALSE(acquire());
  EXPECT_EQ(app.connect_failures.value(), 2U);
  EXPECT_TRUE(app.is_exhausted(tried_));
}

TEST_F(Upstream, RequestsTakeTurnsAmongTheAddressesOfAName) {
  const Target one;
  const Target two{16, one.port, "127.0.0.2"};
  pool_of_name({"127.0.0.1", "127.0.0.2"}, one.port);
  std::set<std::string> asked;
  for (int i = 0; i < 2; ++i) asked.insert(acquire(true).value().address());
  EXPECT_EQ(asked.size(), 2U);
}

TEST_F(Upstream, OfAnAddressThatLeavesIdleConnectionsAreClosedAndThoseInUseAreOnceTheyAreGivenBack) {
  const Target one;
  const Target two{16, one.port, "127.0.0.2"};
  Pool& app = pool_of_name({"127.0.0.1"}, one.port);
  auto in_use = acquire(true).value();
  acquire(true).value().give_back();
  EXPECT_EQ(app.idle(), 1U);
  name_has({"127.0.0.2"});
  EXPECT_TRUE(turn_until(worker_, [&] { return app.idle() == 0; }));
  EXPECT_EQ(in_use.address(), address(one)) << "what began there goes on";
  EXPECT_TRUE(in_use.stream().is_open());
  in_use.give_back();
  EXPECT_EQ(app.idle(), 0U);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(acquire(true).value().address(), "127.0.0.2:" + std::to_string(one.port));
}

TEST_F(Upstream, AnAddressThatStaysKeepsItsConnectionsAndItsRest) {
  const Target one;
  Pool& app = pool_of_name({"127.0.0.1", "127.0.0.2"}, one.port);  // nobody listens at the second
  for (int i = 0; i < 2; ++i) acquire(true).value().give_back();
  EXPECT_EQ(app.connect_failures.value(), 1U);
  name_has({"127.0.0.3", "127.0.0.2", "127.0.0.1"});
  EXPECT_TRUE(turn_until(worker_, [&] { return app.sites().current().size() == 3; }));
  EXPECT_EQ(app.idle(), 2U);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(acquire(true).value().address(), address(one));
  EXPECT_EQ(app.connect_failures.value(), 2U) << "of the third";
}

TEST_F(Upstream, AnAddressThatNeverAnswersLeavesTimeForTheNext) {
  Target full{0};  // on 127.0.0.1
  for (int i = 0; i < 4; ++i) full.fill();
  Pool& app = pool_of_name({"127.0.0.1", "127.0.0.2"}, full.port, {.connect = 300ms});
  EXPECT_FALSE(acquire());
  EXPECT_EQ(app.connects.value(), 2U);
  EXPECT_EQ(tried_.failures.back().why.detail(), "connection refused") << "of the second";
}

TEST_F(Upstream, ATargetThatHungUpIsPassedOverForTheRequestAndRests) {
  const Target one;
  const Target two;
  Pool& app = pool({one.port, two.port});
  std::string first;
  {
    auto lease = acquire().value();
    first = lease.address();
    lease.failed(base::fail(base::ErrorKind::connection_closed, "closed before it answered"), tried_);
  }
  EXPECT_FALSE(app.is_exhausted(tried_));
  EXPECT_NE(acquire_next().value().address(), first);
  for (int i = 0; i < 4; ++i) EXPECT_NE(acquire(true).value().address(), first) << "it rests";
}

TEST_F(Upstream, WhoSpeaksOrHangsUpBeforeItIsAskedIsPassedOver) {
  for (const bool speaks : {true, false}) {
    const Target early;
    const Target proper;
    Pool& app = pool({early.port, proper.port});
    std::optional<base::Result<Lease>> lease;
    const auto keep = [&](transport::Task<base::Result<Lease>> task) -> transport::Task<void> {
      auto result = co_await task;
      lease.emplace(std::move(result));
    };
    tried_ = {};
    transport::spawn(keep(app.acquire(tried_, cancel_)));
    const int accepted = early.accept();
    if (speaks) ASSERT_EQ(::send(accepted, "HTTP/1.1 200 OK\r\n\r\n", 19, MSG_NOSIGNAL), 19);
    if (!speaks) ::close(accepted);
    ASSERT_TRUE(turn_until(worker_, [&] { return lease.has_value(); }));
    ASSERT_TRUE(*lease);
    EXPECT_EQ((*lease)->address(), address(proper));
    EXPECT_EQ(tried_.failures.back().why.detail(),
              speaks ? "an answer before it was asked" : "closed before it was asked");
    lease.reset();
    if (speaks) ::close(accepted);
  }
}

TEST_F(Upstream, AConnectThatIsGivenUpTriesNoOtherTargetAndBlamesNone) {
  Target full{0};
  for (int i = 0; i < 4; ++i) full.fill();
  const Target live;
  Pool& app = pool({full.port, live.port}, {.timeouts = {.connect = 15s}});
  std::optional<base::Result<Lease>> lease;
  const auto keep = [&](transport::Task<base::Result<Lease>> task) -> transport::Task<void> {
    auto result = co_await task;
    lease.emplace(std::move(result));
  };
  transport::spawn(keep(app.acquire(tried_, cancel_)));
  transport::testing::turn_for(worker_, 20ms);
  ASSERT_FALSE(lease) << "it connected";
  cancel_.request(wire::CancelReason::client_disconnect);
  ASSERT_TRUE(turn_until(worker_, [&] { return lease.has_value(); }));
  EXPECT_FALSE(*lease);
  EXPECT_EQ(app.connects.value(), 1U);
  EXPECT_EQ(app.connect_failures.value(), 0U);
}

/// The process has no descriptor left, for as long as this lives.
class Exhausted {
 public:
  Exhausted() {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    const int highest = ::dup(0);
    const rlimit all_used{.rlim_cur = static_cast<rlim_t>(highest) + 1, .rlim_max = before_.rlim_max};
    fillers_.push_back(highest);
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &all_used), 0);
    for (int filler = ::dup(0); filler >= 0; filler = ::dup(0)) fillers_.push_back(filler);
  }
  Exhausted(const Exhausted&) = delete;
  Exhausted& operator=(const Exhausted&) = delete;
  ~Exhausted() {
    for (const int filler : fillers_) ::close(filler);
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before_), 0);
  }

 private:
  rlimit before_{};
  std::vector<int> fillers_;
};

/// The worker, and the sanitizers, have opened what they need for a connect that fails.
class WithoutDescriptors : public Upstream {
 protected:
  WithoutDescriptors() {
    Target dead;
    dead.close();
    pool({dead.port});
    EXPECT_FALSE(acquire());
  }
};

TEST_F(WithoutDescriptors, NoTargetIsToBlameAndNoOtherIsTried) {
  const Target one;
  const Target two;
  Pool& app = pool({one.port, two.port});
  {
    const Exhausted exhausted;
    const auto lease = acquire();
    ASSERT_FALSE(lease);
    EXPECT_EQ(lease.error().kind(), base::ErrorKind::io);
  }
  EXPECT_EQ(app.connects.value(), 1U);
  EXPECT_EQ(app.connect_failures.value(), 0U);
  EXPECT_TRUE(tried_.failures.empty());
  EXPECT_EQ(sockets_.open(), 0U);
}

TEST_F(WithoutDescriptors, AnIdleConnectionGoesForANewOne) {
  const Target one;
  const Target two;
  Pool& app = pool({one.port, two.port});
  acquire().value().give_back();
  {
    const Exhausted exhausted;
    const auto lease = acquire();
    ASSERT_TRUE(lease) << lease.error().message();
    EXPECT_EQ(lease->address(), address(two));
    EXPECT_EQ(app.idle(), 0U);
  }
}

TEST_F(Upstream, OverTheBudgetTheIdleConnectionOfAnotherPoolGoes) {
  const Target one;
  const Target two;
  const Spec spec{.upstream = {.id = "other", .targets = {{.host = "127.0.0.1", .port = two.port}}}};
  Pool other{worker_, spec, sockets_};
  Pool& app = pool({one.port});
  acquire().value().give_back();
  sockets_.set_limit(1);
  Tried tried;
  auto lease = run(worker_, other.acquire(tried, cancel_));
  ASSERT_TRUE(lease);
  EXPECT_EQ(app.idle(), 0U);
  EXPECT_EQ(sockets_.open(), 1U);
}

TEST_F(Upstream, OfANameThatNobodyKnowsTheReasonIsGivenAtOnce) {
  Spec spec{.upstream = {.id = "app", .targets = {{.host = "app.invalid", .port = 80, .is_named = true}}}};
  spec.names.servers = {"127.0.0.1:1"};
  pool_.emplace(worker_, std::move(spec), sockets_);
  EXPECT_FALSE(pool_->sites().is_settled());
  EXPECT_EQ(acquire().error().detail(), "its name is being looked up");
  EXPECT_TRUE(turn_until(worker_, [&] { return pool_->sites().is_settled(); }));
  const auto lease = acquire();
  ASSERT_FALSE(lease);
  EXPECT_EQ(lease.error().kind(), base::ErrorKind::connection_failed);
  EXPECT_THAT(lease.error().detail(), HasSubstr("'app.invalid' cannot be looked up"));
  EXPECT_TRUE(tried_.failures.empty());
  EXPECT_GE(pool_->sites().look_up_failures.value(), 1U);
}

}  // namespace
}  // namespace picket::apps::gateway::upstream
