#include "picket/session/in_flight.hpp"

#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "picket/session/testing/frames.hpp"

namespace picket::session {
namespace {

using testing::start_time;

using namespace std::chrono_literals;

PendingEvent event(Tag tag, base::Duration due, bool sent = true, wire::ReplyTo key = {}) {
  PendingEvent pending;
  pending.tag = tag;
  pending.deadline = base::Deadline{start_time + due};
  pending.sent = sent;
  pending.key = key;
  return pending;
}

TEST(InFlight, ExchangeIsFoundByItsWholeIdOnly) {
  InFlight table;
  const base::CorrelationId id{7, 1, 0xabc};
  const auto exchange = table.find_or_add(id);
  EXPECT_EQ(table.find(id.text()), exchange);
  EXPECT_EQ(table.find(id), exchange);
  const base::CorrelationId other_random{7, 1, 0xabd};
  const base::CorrelationId other_generation{7, 2, 0xabc};
  const base::CorrelationId beyond{8, 1, 0xabc};
  EXPECT_EQ(table.find(other_random.text()), none);
  EXPECT_EQ(table.find(other_generation.text()), none);
  EXPECT_EQ(table.find(beyond.text()), none);
  EXPECT_EQ(table.find("ffffffff00000001000000000000abc0"), none);
  EXPECT_EQ(table.find(""), none);
  table.remove_exchange(exchange);
  EXPECT_EQ(table.find(id.text()), none);
}

TEST(InFlight, AnswerMatchesByKeyOrElseTheOldestSent) {
  InFlight table;
  const auto exchange = table.find_or_add({0, 0, 1});
  const auto chunk = [](std::uint32_t i) {
    return wire::ReplyTo{.type = wire::FrameType::request_body_chunk, .index = i};
  };
  const auto first = table.add_event(exchange, event(1, 1s, true, chunk(0)));
  const auto second = table.add_event(exchange, event(2, 1s, true, chunk(1)));
  table.add_event(exchange, event(3, 1s, false, chunk(2)));
  const auto match = [&](const wire::ReplyTo& key) { return table.match(exchange, &key); };
  EXPECT_EQ(table.match(exchange, nullptr), first);
  EXPECT_EQ(match(chunk(1)), second);
  EXPECT_EQ(match(chunk(2)), none) << "not sent, so not answerable";
  EXPECT_EQ(match({.type = wire::FrameType::request_headers}), none);
}

TEST(InFlight, FramesAreKeyedByDirectionAndInspectedContentByItsPosition) {
  const wire::WebSocketFrame frame{.client_to_server = true, .frame_index = 3};
  EXPECT_EQ(reply_key(frame),
            (wire::ReplyTo{.type = wire::FrameType::websocket_frame, .client_to_server = true, .index = 3}));
  const auto position = [](std::string_view said) {
    const wire::TextPair pair{"index", said};
    return reply_key(wire::GuardrailInspect{.metadata = std::span{&pair, 1}}).index;
  };
  EXPECT_EQ(position("7"), 7U);
  for (const auto* const said : {"", "-1", "7x", "99999999999999999999"}) EXPECT_FALSE(position(said)) << said;
}

TEST(InFlight, EarliestDeadlineIsKnownWhateverTheOrder) {
  std::mt19937 random{3};
  InFlight table;
  std::multiset<base::TimePoint> model;
  std::vector<EventIndex> live;
  for (int step = 0; step < 20'000; ++step) {
    if (live.empty() || random() % 2 == 0) {
      const auto exchange = table.find_or_add({static_cast<std::uint32_t>(random() % 50), 0, 9});
      const auto due = std::chrono::milliseconds{random() % 1000};
      live.push_back(table.add_event(exchange, event(1, due)));
      model.insert(start_time + due);
    } else {
      const std::size_t at = random() % live.size();
      model.erase(model.find(table.event(live[at]).deadline.at()));
      table.remove_event(live[at]);
      live.erase(live.begin() + static_cast<std::ptrdiff_t>(at));
    }
    ASSERT_EQ(table.events(), model.size());
    ASSERT_EQ(table.earliest_deadline(), model.empty() ? base::TimePoint::max() : *model.begin());
  }
}

TEST(InFlight, SteadyUseAllocatesNothingMore) {
  InFlight table;
  const auto round = [&](std::uint32_t generation) {
    for (std::uint32_t slot = 0; slot < 100; ++slot)
      table.add_event(table.find_or_add({slot, generation, 5}), event(slot, 1s));
    for (std::uint32_t slot = 0; slot < 100; ++slot) {
      const auto exchange = table.find(base::CorrelationId{slot, generation, 5});
      table.remove_event(table.exchange(exchange).first);
      table.remove_exchange(exchange);
    }
  };
  round(0);
  const std::size_t memory = table.memory();
  for (std::uint32_t generation = 1; generation < 50; ++generation) round(generation);
  EXPECT_EQ(table.memory(), memory);
  EXPECT_EQ(table.exchanges(), 0U);
  EXPECT_EQ(table.events(), 0U);
}

}  // namespace
}  // namespace picket::session
