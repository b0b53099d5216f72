#include <string>

#include <gtest/gtest.h>

#include "apps/gateway/exchange/testing/played_exchange.hpp"

/// Answers that nobody looks at.
namespace picket::apps::gateway::exchange {
namespace {

http::RequestHead a_get() {
  static constexpr base::Header host[] = {{"Host", "a.test"}};
  return {.method = "GET", .target = "/", .headers = std::span<const base::Header>{host}};
}

/// Where the block lies that the worker would give out next: the one that came back last.
const char* next_block(testing::World& world) { return world.worker.blocks().take().bytes().data(); }

TEST(PassedAnswers, OneThatIsShortTakesNoBlockOfTheWorkersAndAnotherDoes) {
  testing::World world;
  const char* const free = next_block(world);
  for (const std::uint64_t length : {std::uint64_t{5}, std::uint64_t{4096}, std::uint64_t{4097}}) {
    const bool is_short = length <= 4096;
    testing::PlayedExchange played{world, a_get(), {}};
    played.client.stalls();
    played.upstream.answers_with_length(length);
    played.upstream.body.push("hello");
    world.settle();
    EXPECT_EQ(next_block(world) == free, is_short) << length;
    played.client.goes_on();
    world.settle();
  }
}

TEST(PassedAnswers, OneThatIsShortIsWholeHoweverItComes) {
  testing::World world;
  testing::PlayedExchange played{world, a_get(), {}};
  played.upstream.answers_with_length(5);
  for (const char* const piece : {"h", "el", "lo"}) {
    world.settle();
    played.upstream.body.push(piece);
  }
  world.settle();
  EXPECT_FALSE(played.is_over);
  played.upstream.body.end();
  world.settle();
  EXPECT_TRUE(played.is_over);
  EXPECT_EQ(played.client.answer, "hello");
  EXPECT_TRUE(played.client.answer_ended);
}

}  // namespace
}  // namespace picket::apps::gateway::exchange
