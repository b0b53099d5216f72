#include "apps/gateway/serving/shard.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>

#include "apps/gateway/serving/testing/served.hpp"

namespace picket::apps::gateway::serving {
namespace {

using testing::answering;
using testing::Client;
using ::testing::EndsWith;
using testing::eventually;
using ::testing::HasSubstr;
using testing::serve;
using ::testing::StartsWith;

class Shards : public ::testing::Test {
 protected:
  bool has_open(std::int64_t count) {
    return eventually([&] { return shard_.metrics().connections_open.value() == count; });
  }

  testing::Port port_;
  downstream::Admission admission_;
  spdlog::logger log_{"nowhere"};
  Shard shard_{0, 1, false, admission_, log_};
};

TEST_F(Shards, WhatIsCommittedServesTheNextRequestOfAConnectionThatIsOpen) {
  serve(shard_, answering("one", port_.number()));
  Client client{port_.number()};
  EXPECT_THAT(client.ask("/"), EndsWith("one"));
  serve(shard_, answering("two", port_.number()));
  EXPECT_THAT(client.ask("/"), EndsWith("two"));
  EXPECT_EQ(shard_.metrics().connections.value(), 1U);
}

TEST_F(Shards, WhatIsDiscardedIsServedByNobody) {
  serve(shard_, answering("one", port_.number()));
  const testing::Port other;
  const auto generation = testing::generation_of(answering("two", other.number()));
  ASSERT_TRUE(shard_.prepare(generation, {other.endpoint()}, testing::sockets_on));
  shard_.discard();
  EXPECT_FALSE(Client{other.number()}.is_connected());
  EXPECT_THAT(Client{port_.number()}.ask("/"), EndsWith("one"));
  EXPECT_EQ(generation.use_count(), 1) << "it is kept for nothing";
}

TEST_F(Shards, AnAddressThatCannotBeListenedOnLeavesAllAsItWas) {
  serve(shard_, answering("one", port_.number()));
  const auto impossible = transport::Endpoint::tcp("192.0.2.1", 80).value();  // no machine's (RFC 5737)
  const auto prepared =
      shard_.prepare(testing::generation_of(answering("two", 80)), {port_.endpoint(), impossible}, testing::sockets_on);
  ASSERT_FALSE(prepared);
  EXPECT_THAT(prepared.error().detail(), HasSubstr("192.0.2.1:80"));
  EXPECT_THAT(Client{port_.number()}.ask("/"), EndsWith("one"));
}

TEST_F(Shards, AnAddressThatIsGoneIsListenedOnNoMoreAndItsConnectionsGoOn) {
  serve(shard_, answering("one", port_.number()));
  Client client{port_.number()};
  EXPECT_THAT(client.ask("/"), EndsWith("one"));
  const testing::Port other;
  serve(shard_, answering("two", other.number()));
  EXPECT_TRUE(eventually([&] { return !Client{port_.number()}.is_connected(); }));
  EXPECT_THAT(client.ask("/"), EndsWith("two"));
  EXPECT_THAT(Client{other.number()}.ask("/"), EndsWith("two"));
}

TEST_F(Shards, DrainingAcceptsNobodyAndAnswersOnceMoreUntilWhoWaitsIsClosed) {
  serve(shard_, answering("one", port_.number()));
  Client new_one{port_.number()};
  Client served{port_.number()};
  EXPECT_THAT(served.ask("/"), EndsWith("one"));
  Client idle{port_.number()};
  EXPECT_THAT(idle.ask("/"), EndsWith("one"));
  ASSERT_TRUE(has_open(3));
  shard_.drain();
  EXPECT_FALSE(Client{port_.number()}.is_connected());
  EXPECT_THAT(served.ask("/"), HasSubstr("Connection: close"));
  EXPECT_THAT(new_one.ask("/"), HasSubstr("Connection: close"));
  shard_.close_idle();
  EXPECT_TRUE(idle.is_closed());
  EXPECT_TRUE(has_open(0));
}

TEST_F(Shards, ClosingWhoWaitsLeavesARequestThatHasBegunItsTime) {
  serve(shard_, answering("one", port_.number()));
  Client waits{port_.number()};
  EXPECT_THAT(waits.ask("/"), EndsWith("one"));
  Client asks{port_.number()};
  asks.send("GET / HTTP/1.1\r\nHost: a.te");
  ASSERT_TRUE(has_open(2));
  // A connection that has not been read from yet waits, too.
  EXPECT_THAT(waits.ask("/"), EndsWith("one"));
  shard_.drain();
  shard_.close_idle();
  EXPECT_TRUE(waits.is_closed());
  asks.send("st\r\n\r\n");
  EXPECT_THAT(asks.answer(), HasSubstr("Connection: close"));
  EXPECT_FALSE(Client{port_.number()}.is_connected());
  EXPECT_TRUE(has_open(0));
}

TEST_F(Shards, AbortEndsWhoeverIsThere) {
  serve(shard_, answering("one", port_.number()));
  Client client{port_.number()};
  client.send("GET / HTTP/1.1\r\nHost: a.te");
  ASSERT_TRUE(has_open(1));
  shard_.abort();
  EXPECT_TRUE(client.is_closed());
  EXPECT_TRUE(has_open(0));
}

TEST_F(Shards, AFullOneClosesWhoHasWaitedLongestForANewClient) {
  auto config = answering("one", port_.number());
  config.system.max_connections = 2;
  serve(shard_, config);
  Client first{port_.number()};
  EXPECT_THAT(first.ask("/"), EndsWith("one"));
  Client second{port_.number()};
  EXPECT_THAT(second.ask("/"), EndsWith("one"));
  Client third{port_.number()};
  EXPECT_THAT(third.ask("/"), EndsWith("one"));
  EXPECT_TRUE(first.is_closed());
  EXPECT_THAT(second.ask("/"), EndsWith("one"));
  EXPECT_EQ(shard_.metrics().connections_refused.value(), 0U);
}

TEST_F(Shards, AFullOneTurnsAwayWhereNobodyWaits) {
  auto config = answering("one", port_.number());
  config.system.max_connections = 1;
  serve(shard_, config);
  Client busy{port_.number()};
  EXPECT_THAT(busy.ask("/"), EndsWith("one"));
  busy.send("GET / HTTP/1.1\r\n");
  Client late{port_.number()};
  const std::string said = late.ask("/");
  EXPECT_THAT(said, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(said, HasSubstr("x-picket-reason: overloaded"));
  EXPECT_EQ(shard_.metrics().connections_refused.value(), 1U);
  busy.send("Host: a.test\r\n\r\n");
  EXPECT_THAT(busy.answer(), EndsWith("one"));
}

TEST_F(Shards, AClientThatHasAllItMayHaveTakesAPlaceFromItself) {
  auto config = answering("one", port_.number());
  config.limits.max_connections_per_client = 1;
  serve(shard_, config);
  Client first{port_.number()};
  EXPECT_THAT(first.ask("/"), EndsWith("one"));
  Client second{port_.number()};
  EXPECT_THAT(second.ask("/"), EndsWith("one"));
  EXPECT_TRUE(first.is_closed());
  EXPECT_TRUE(has_open(1));
}

}  // namespace
}  // namespace picket::apps::gateway::serving
