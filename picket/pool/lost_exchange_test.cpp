#include "picket/pool/exchange.hpp"
#include "picket/pool/testing.hpp"

/// Exchanges of which nothing can be asked any more, and what takes their place.
namespace picket::pool {
namespace {

using namespace std::chrono_literals;
using base::ErrorKind;
using testing::kind_of;
using wire::FrameType;

class LostExchange : public testing::PoolTest {};

TEST_F(LostExchange, OneThatIsLostBeginsAgainAsAnother) {
  Agent& agent = add(quick(2));
  auto first = ready(agent);
  auto second = ready(agent);
  const base::MintedId id = worker_.ids().mint();
  const base::MintedId new_id = worker_.ids().mint();
  Exchange exchange{agent, id};
  wire::RequestHeaders event;
  EXPECT_FALSE(exchange.has_begun() || exchange.is_lost());
  const Call head = exchange.request_headers(event);
  turn();
  auto& chosen = first.peer.has_input() ? first : second;
  chosen.answer(chosen.event());
  ASSERT_TRUE(ends(head));
  EXPECT_TRUE(exchange.has_begun());
  EXPECT_FALSE(exchange.is_lost());
  chosen.peer.close();
  ASSERT_TRUE(until([&] { return exchange.is_lost(); }));

  auto& other = &chosen == &first ? second : first;
  exchange.complete({.status = 101});
  exchange.begin_again(new_id);
  EXPECT_FALSE(exchange.has_begun() || exchange.is_lost());
  const Call again = exchange.request_headers(event);
  const auto asked = other.event();
  EXPECT_EQ(asked.id, new_id.text());
  other.answer(asked);
  ASSERT_TRUE(ends(again));
  EXPECT_TRUE(again.result());
}

TEST_F(LostExchange, OneOfWhichAnEventTimedOutIsLostOnAConnectionThatLives) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  const base::MintedId id = worker_.ids().mint();
  const base::MintedId new_id = worker_.ids().mint();
  Exchange exchange{agent, id};
  wire::RequestHeaders event;
  {
    const Call head = exchange.request_headers(event, in(100ms));
    const auto asked = connection.event();
    ASSERT_TRUE(ends(head));
    EXPECT_EQ(kind_of(head), ErrorKind::timeout);
    EXPECT_TRUE(exchange.is_lost());
    EXPECT_EQ(connection.event().type, FrameType::cancel);
    exchange.complete({.status = 101});
    exchange.begin_again(new_id);
    EXPECT_EQ(connection.event().type, FrameType::request_complete);
    connection.answer(asked);  // too late
  }
  const Call again = exchange.request_headers(event, in(20s));
  const auto asked = connection.event();
  EXPECT_EQ(asked.id, new_id.text());
  EXPECT_FALSE(again.done());
  connection.answer(asked);
  ASSERT_TRUE(ends(again));
  EXPECT_TRUE(again.result());
}

}  // namespace
}  // namespace picket::pool
