#include "picket/pool/affinities.hpp"

#include "picket/pool/testing.hpp"

namespace picket::pool {
namespace {

using namespace std::chrono_literals;
using testing::PlayedConnection;
using wire::FrameType;

class AffinitiesTest : public testing::PoolTest {
 protected:
  /// One event of the exchange of that name, answered; on which exchange it was.
  Exchange& ask(Affinities& affinities, Agent& agent, PlayedConnection& connection, std::string_view name) {
    Exchange& exchange = affinities.of(agent, name).value();
    wire::RequestHeaders event{.method = "GET", .uri = "/"};
    Call call = exchange.request_headers(event);
    auto asked = connection.event();
    while (asked.type != FrameType::request_headers) asked = connection.event();  // the end of another one
    connection.answer(asked);
    EXPECT_TRUE(ends(call));
    EXPECT_TRUE(call.result());
    return exchange;
  }
};

TEST_F(AffinitiesTest, WhatHasTheSameNameIsOneExchange) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  Affinities affinities{worker_};
  Exchange& first = ask(affinities, agent, connection, "one");
  EXPECT_EQ(&ask(affinities, agent, connection, "one"), &first);
  EXPECT_NE(&ask(affinities, agent, connection, "two"), &first);
  EXPECT_EQ(affinities.size(), 2U);
  EXPECT_NE(first.id().text(), "one") << "on the wire it has an id that nobody chose";
}

TEST_F(AffinitiesTest, OneThatEndsIsToldToItsAgent) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  Affinities affinities{worker_};
  const std::string id{ask(affinities, agent, connection, "one").id().text()};
  EXPECT_TRUE(affinities.end(agent, "one"));
  EXPECT_FALSE(affinities.end(agent, "one"));
  const auto event = connection.event();
  EXPECT_EQ(event.type, FrameType::request_complete);
  EXPECT_EQ(event.id, id);
}

TEST_F(AffinitiesTest, OneThatIsNotUsedIsOverAfterItsTime) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  Affinities affinities{worker_, {.correlation_affinity_ttl = 5ms}};
  ask(affinities, agent, connection, "one");
  ASSERT_TRUE(until([&] {
    (void)affinities.of(agent, "two").value();
    return affinities.size() == 1;
  }));
  EXPECT_FALSE(affinities.end(agent, "one"));
}

TEST_F(AffinitiesTest, OverTheMostTheLongestUnusedEndsAndNoneThatHasACallPending) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  Affinities affinities{worker_, {.max_correlation_affinities = 2}};
  wire::RequestHeaders event{.method = "GET", .uri = "/"};
  Call pending = affinities.of(agent, "pending").value().get().request_headers(event);
  (void)connection.event();
  ask(affinities, agent, connection, "idle");
  ask(affinities, agent, connection, "new");
  EXPECT_FALSE(affinities.end(agent, "idle"));
  EXPECT_EQ(affinities.size(), 2U);
  Call another = affinities.of(agent, "new").value().get().request_headers(event);
  EXPECT_EQ(affinities.of(agent, "third").error().kind(), base::ErrorKind::unavailable);
}

TEST_F(AffinitiesTest, AskingForOneThatIsThereEndsNoneHoweverFullItIs) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  Affinities affinities{worker_, {.max_correlation_affinities = 2}};
  const std::string oldest{ask(affinities, agent, connection, "oldest").id().text()};
  ask(affinities, agent, connection, "newest");
  (void)affinities.of(agent, "newest").value();
  EXPECT_EQ(affinities.size(), 2U);
  EXPECT_EQ(affinities.of(agent, "oldest").value().get().id().text(), oldest);
}

TEST_F(AffinitiesTest, OneIsKeptWhereOneIsTheMost) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  Affinities affinities{worker_, {.max_correlation_affinities = 1}};
  const std::string id{ask(affinities, agent, connection, "one").id().text()};
  EXPECT_EQ(affinities.of(agent, "one").value().get().id().text(), id);
}

}  // namespace
}  // namespace picket::pool
