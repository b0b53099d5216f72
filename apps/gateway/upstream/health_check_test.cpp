#include "apps/gateway/upstream/health_check.hpp"

#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/gateway/upstream/testing/pool.hpp"
#include "picket/transport/testing/certificates.hpp"

namespace picket::apps::gateway::upstream {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::Target;
using transport::testing::turn_until;

/// One check of a target that the test plays.
class Checking : public ::testing::Test {
 protected:
  void begin(const config::HealthCheck& terms, std::shared_ptr<const transport::tls::Context> tls = nullptr) {
    const auto endpoint = transport::Endpoint::tcp("127.0.0.1", target_.port).value();
    attempt_ = std::make_shared<CheckAttempt>(worker_, transport::Destination::sharing(endpoint, std::move(tls)), terms,
                                              config::HttpVersion::http1,
                                              [this](const base::Status& status) { outcome_ = status; });
    attempt_->begin();
  }
  ::picket::apps::gateway::testing::FarEnd accept() {
    int accepted = -1;
    EXPECT_TRUE(turn_until(worker_, [&] { return (accepted = target_.accept()) >= 0; }));
    return {worker_, accepted};
  }
  base::Status outcome() {
    EXPECT_TRUE(turn_until(worker_, [&] { return outcome_.has_value(); }));
    return outcome_.value_or(base::Status{});
  }

  transport::Worker worker_;
  Target target_;
  std::shared_ptr<CheckAttempt> attempt_;
  std::optional<base::Status> outcome_;
};

constexpr std::string_view question = "GET /up HTTP/1.1\r\nHost: 127.0.0.1:";

TEST_F(Checking, OfHttpAsksForAPathAndPassesWithTheStatusThatIsExpected) {
  begin({.path = "/up"});
  const auto far = accept();
  far.expect(question);
  for (const char byte :
       std::string_view{"HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 103 \r\n\r\nHTTP/1.1 200 OK"}) {
    EXPECT_FALSE(outcome_);
    far.send({&byte, 1});
    transport::testing::turn_for(worker_, 1ms);
    if (outcome_) break;
  }
  EXPECT_TRUE(outcome());
}

TEST_F(Checking, FailsWithWhatIsAnotherStatusOrNoAnswerOfHttp) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"HTTP/1.1 503 Busy\r\n", "status 503 in place of 200"},
      {"SSH-2.0-OpenSSH_9.2\r\n", "no answer of HTTP/1.1"},
      {"HTTP/1.1 2x0 \r\n\r\n", "no answer of HTTP/1.1"},
      {"HTTP/1.1 2000 OK\r\n\r\n", "no answer of HTTP/1.1"},
  };
  for (const auto& [answer, why] : cases) {
    outcome_.reset();
    begin({});
    const auto far = accept();
    far.send(answer);
    const base::Status status = outcome();
    ASSERT_FALSE(status) << answer;
    EXPECT_EQ(status.error().detail(), why);
  }
}

TEST_F(Checking, FailsWithWhoHangsUpOrSaysNothingOrIsNotThere) {
  begin({});
  accept().close();
  EXPECT_FALSE(outcome());
  outcome_.reset();
  begin({.timeout = config::milliseconds{30}});
  const auto mute = accept();
  EXPECT_EQ(outcome().error().detail(), "no answer in time");
  target_.close();
  outcome_.reset();
  begin({});
  EXPECT_EQ(outcome().error().detail(), "connection refused");
}

TEST_F(Checking, OfTcpPassesWhereAConnectionIsTaken) {
  begin({.type = config::HealthCheck::Type::tcp});
  EXPECT_TRUE(outcome());
}

TEST_F(Checking, OverTlsLooksAtTheCertificate) {
  const auto& tls = transport::testing::AnyTls::instance();
  begin({.timeout = config::milliseconds{60'000}}, tls.client);
  const auto far = accept();
  far.send("HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_THAT(outcome().error().detail(), HasSubstr("no TLS connection"));
}

TEST_F(Checking, ThatIsCancelledTellsNobody) {
  begin({});
  const auto far = accept();
  attempt_->cancel();
  far.send("HTTP/1.1 200 OK\r\n");
  transport::testing::turn_for(worker_, 20ms);
  EXPECT_FALSE(outcome_);
}

class Checks : public testing::PoolTest {
 protected:
  static config::HealthCheck often() {
    return {.type = config::HealthCheck::Type::tcp,
            .interval = config::milliseconds{10},
            .timeout = config::milliseconds{5'000},
            .healthy_threshold = 2,
            .unhealthy_threshold = 3};
  }
};

TEST_F(Checks, PassOverWhoIsDownAndTakeHimBackWhenHeIsUp) {
  const Target live{1024};
  std::optional<Target> other{std::in_place, 1024};
  const std::uint16_t port = other->port;
  Pool& app = pool({live.port, port}, {.health_check = often()});
  const auto healthy = [&](std::int64_t wanted) {
    return turn_until(worker_, [&] { return app.sites().metrics_of(1).healthy.value() == wanted; });
  };
  ASSERT_TRUE(healthy(1));
  other.reset();
  ASSERT_TRUE(healthy(0));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(acquire(true).value().address(), testing::address(live));
  EXPECT_EQ(app.connect_failures.value(), 0U) << "nobody had to try";
  other.emplace(1024, port);
  ASSERT_TRUE(healthy(1));
  std::set<std::string> taken;
  for (int i = 0; i < 4; ++i) taken.insert(acquire(true).value().address());
  EXPECT_EQ(taken.size(), 2U);
}

/// One target is there and one is found down by checks; then the upstream has a successor.
class Succeeded : public Checks {
 protected:
  /// Whether the second target is up for an upstream that `change` has made of the first one.
  template <class Change>
  std::int64_t is_up_after(Change change) {
    const Target live{1024};
    Target dead;
    dead.close();
    Pool& app = pool({live.port, dead.port}, {.health_check = often()});
    EXPECT_TRUE(turn_until(worker_, [&] { return app.sites().metrics_of(1).healthy.value() == 0; }));
    Spec changed = app.spec();
    change(changed.upstream);
    const Pool successor{worker_, changed, sockets_, nullptr, &app};
    EXPECT_EQ(successor.sites().metrics_of(0).healthy.value(), 1);
    return successor.sites().metrics_of(1).healthy.value();
  }
};

TEST_F(Succeeded, WhatIsKnownOfAnAddressGoesOn) {
  EXPECT_EQ(is_up_after([](config::Upstream& upstream) { upstream.timeouts.read = config::milliseconds{1}; }), 0);
}

TEST_F(Succeeded, AnAddressThatNobodyChecksAnyMoreIsUp) {
  EXPECT_EQ(is_up_after([](config::Upstream& upstream) { upstream.health_check.reset(); }), 1);
}

}  // namespace
}  // namespace picket::apps::gateway::upstream
