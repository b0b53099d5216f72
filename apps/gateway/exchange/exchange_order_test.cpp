#include <gtest/gtest.h>

#include "apps/gateway/exchange/testing/stories.hpp"

namespace picket::apps::gateway::exchange {
namespace {

using World = testing::StoryWorld;
using testing::Act;
using testing::acts;
using testing::answer_bytes;
using testing::disturbances;
using testing::head;
using testing::in_every_order;
using testing::is_one_of;
using testing::Playing;
using testing::request_bytes;
using testing::Steps;
using testing::told;
using enum Act::Whose;

struct Ending {
  Stage stage;
  int steps;  ///< that were taken
};

/// Plays a story to its end, in which one step may fail.
Ending play(World& world, std::span<const Act* const> order, Steps steps = Steps{}, bool duplex = false) {
  world.shard.draining = false;
  Playing playing{world, head("PUT", http::Framing::chunked), steps, 1, duplex};
  for (const Act* const act : order) {
    act->happens(world, playing);
    world.settle();
    playing.expect_promises();
  }
  playing.client.goes_on();
  playing.upstream.goes_on();
  world.settle();
  playing.expect_promises();
  EXPECT_TRUE(playing.is_over) << name(playing.stage());
  return {playing.stage(), playing.steps.taken()};
}

bool disturbs_nobody(const Act& disturbance) {
  return is_one_of(disturbance.name,
                   {"nothing", "drain", "the client stalls", "the upstream stalls", "an interim answer"});
}

/// Every order of what peers do, with each disturbance.
template <class Tell>
void for_each_story(Tell&& tell) {
  for (const Act& disturbance : disturbances) {
    std::vector<const Act*> all{&disturbance};
    for (const Act& act : acts) all.push_back(&act);
    in_every_order(all, [&](std::span<const Act* const> order) {
      SCOPED_TRACE(told(order));
      tell(disturbance, order);
    });
  }
}

TEST(ExchangeOrder, EveryOrderOfWhatPeersDoEndsInOneAnswerOrOneCut) {
  World world;
  for_each_story([&](const Act& disturbance, std::span<const Act* const> order) {
    const Ending ending = play(world, order);
    if (disturbs_nobody(disturbance)) EXPECT_EQ(ending.stage, Stage::answered);
  });
}

TEST(ExchangeOrder, ARequestThatGoesOnBesideItsAnswerEndsInOneAnswerOrOneCutInEveryOrder) {
  World world;
  for_each_story([&](const Act& disturbance, std::span<const Act* const> order) {
    const Ending ending = play(world, order, Steps{}, true);
    if (disturbs_nobody(disturbance)) EXPECT_EQ(ending.stage, Stage::answered);
    if (disturbance.name != "nothing") return;
    for (int failing = 0; failing < ending.steps; ++failing) play(world, order, Steps{failing}, true);
  });
}

TEST(ExchangeOrder, AConversationPassesBothWaysAtOnce) {
  World world;
  Playing playing{world, head("PUT", http::Framing::chunked), Steps{}, 1, true};
  playing.client.body.push("one ");
  world.settle();
  playing.upstream.answers(200);
  playing.upstream.body.push("three ");
  world.settle();
  EXPECT_EQ(playing.client.answer, "three ");
  EXPECT_FALSE(playing.upstream.request_ended);
  playing.client.body.push("two");
  world.settle();
  EXPECT_EQ(playing.upstream.request_body, "one two");
  playing.client.body.end();
  world.settle();
  EXPECT_TRUE(playing.upstream.request_ended);
  playing.upstream.body.push("four");
  playing.upstream.body.end();
  world.settle();
  EXPECT_EQ(playing.stage(), Stage::answered);
  EXPECT_EQ(playing.client.answer, answer_bytes);
}

/// RFC 9113 §8.1: an upstream that has answered need not take the rest.
TEST(ExchangeOrder, AnUpstreamThatTakesNoMoreOfARequestCutsNoAnswerThatItsClientIsSlowToRead) {
  World world;
  Playing playing{world, head("PUT", http::Framing::chunked), Steps{}, 1, true};
  playing.client.stalls();
  playing.upstream.answers(200);
  playing.upstream.body.push(answer_bytes);
  playing.upstream.body.end();
  world.settle();
  playing.upstream.takes_no_more = true;
  playing.client.body.push("one ");
  world.settle();
  EXPECT_FALSE(playing.is_over);
  playing.client.goes_on();
  world.settle();
  EXPECT_EQ(playing.stage(), Stage::answered);
  EXPECT_EQ(playing.client.answer, answer_bytes);
}

TEST(ExchangeOrder, WhatAnAnswerHasNoPlaceForIsNobodysFailure) {
  World world;
  Playing playing{world};
  playing.client.body.end();
  playing.upstream.has_no_place();
  world.settle();
  EXPECT_EQ(playing.client.status, 503);
}

TEST(ExchangeOrder, ARequestThatBreaksBesideItsAnswerIsRefusedBeforeItAndCutsItAfterwards) {
  World world;
  const auto malformed = base::fail(base::ErrorKind::invalid_message, "bad chunk");
  Playing early{world, head("PUT", http::Framing::chunked), Steps{}, 1, true};
  early.client.body.fail(malformed);
  world.settle();
  EXPECT_EQ(early.client.status, 400);
  EXPECT_TRUE(early.upstream.was_reset);
  Playing late{world, head("PUT", http::Framing::chunked), Steps{}, 1, true};
  late.upstream.answers(200);
  world.settle();
  late.client.body.fail(malformed);
  world.settle();
  EXPECT_EQ(late.stage(), Stage::cut);
  EXPECT_TRUE(late.upstream.was_reset);
}

TEST(ExchangeOrder, EachStepThatFailsInAnyStoryEndsTheExchange) {
  World world;
  int failed = 0;
  for_each_story([&](const Act&, std::span<const Act* const> order) {
    const int steps = play(world, order).steps;
    for (int failing = 0; failing < steps; ++failing) {
      SCOPED_TRACE("step " + std::to_string(failing) + " fails");
      play(world, order, Steps{failing});
      ++failed;
    }
  });
  EXPECT_GT(failed, 10'000);
}

TEST(ExchangeOrder, AClientThatWaitsFor100GetsTheUpstreamsOnceAndBeforeItsAnswer) {
  World world;
  http::RequestHead request = head("PUT", http::Framing::chunked);
  request.expects_continue = true;
  int passed_on = 0;
  std::vector<const Act*> all;
  for (const Act& act : acts) all.push_back(&act);
  const Act continues{"100", anybodys, [](World&, Playing& p) { p.upstream.interims(100); }};
  all.push_back(&continues);
  in_every_order(all, [&](std::span<const Act* const> order) {
    SCOPED_TRACE(told(order));
    Playing playing{world, request};
    for (const Act* const act : order) {
      act->happens(world, playing);
      world.settle();
      playing.expect_promises();
    }
    EXPECT_EQ(playing.stage(), Stage::answered);
    EXPECT_LE(playing.client.interims.size(), 1U);
    passed_on += playing.client.interims.empty() ? 0 : 1;
  });
  EXPECT_GT(passed_on, 0);
}

TEST(ExchangeOrder, OfARequestThatTheUpstreamDoesNotTakeNoMoreIsAskedFor) {
  World world;
  Playing playing{world};
  playing.upstream.stalls();
  playing.client.body.push(request_bytes.substr(0, 4));
  world.settle();
  const std::size_t taken = playing.client.body.taken();
  playing.client.body.push(request_bytes.substr(4));
  world.settle();
  EXPECT_EQ(playing.client.body.taken(), taken) << "the upstream takes nothing";
  EXPECT_FALSE(playing.client.body.is_awaited());
  playing.upstream.goes_on();
  playing.client.body.end();
  world.settle();
  EXPECT_EQ(playing.upstream.request_body, request_bytes);
}

TEST(ExchangeOrder, WhoLeavesWhileTheUpstreamTakesNothingIsNotWaitedFor) {
  World world;
  for (const bool is_duplex : {false, true}) {
    Playing playing{world, head("PUT", http::Framing::chunked), Steps{}, 1, is_duplex};
    playing.upstream.stalls();
    playing.client.body.push(request_bytes.substr(0, 4));
    world.settle();
    playing.client.leaves();
    world.settle();
    EXPECT_EQ(playing.stage(), Stage::gone);
    EXPECT_TRUE(playing.upstream.was_reset);
  }
}

TEST(ExchangeOrder, WhatIsNotTakenIsNotAskedFor) {
  World world;
  Playing playing{world};
  playing.client.stalls();
  playing.client.body.end();
  playing.upstream.answers(200);
  world.settle();
  playing.upstream.body.push(answer_bytes);
  world.settle();
  EXPECT_EQ(playing.upstream.body.taken(), 0U) << "the client takes nothing";
  EXPECT_FALSE(playing.upstream.body.is_awaited());
  playing.client.goes_on();
  world.settle();
  EXPECT_EQ(playing.upstream.body.taken(), answer_bytes.size());
}

TEST(ExchangeOrder, OneExchangeOfAConnectionStallsAnotherIsResetAndAThirdIsServed) {
  World world;
  Playing stalled{world};
  Playing reset{world};
  Playing served{world};
  stalled.client.stalls();
  for (Playing* const each : {&stalled, &reset, &served})
    for (const Act& act : acts) {
      if (each == &reset && act.name == "answer's body") each->client.leaves();
      act.happens(world, *each);
      world.settle();
    }
  EXPECT_EQ(served.stage(), Stage::answered);
  EXPECT_EQ(served.client.answer, answer_bytes);
  EXPECT_EQ(reset.stage(), Stage::gone);
  EXPECT_TRUE(reset.upstream.was_reset);
  EXPECT_FALSE(stalled.is_over);
  EXPECT_FALSE(stalled.upstream.was_reset);
  stalled.client.goes_on();
  world.settle();
  EXPECT_EQ(stalled.client.answer, answer_bytes);
}

TEST(ExchangeOrder, AnUpstreamThatHangsUpIsReplacedWhereNothingIsLost) {
  World world;
  for (const bool body_has_passed : {false, true}) {
    Playing playing{world, head("PUT", http::Framing::chunked), Steps{}, 2};
    if (body_has_passed) playing.client.body.push(request_bytes);
    world.settle();
    playing.upstream.hangs_up();
    world.settle();
    EXPECT_EQ(playing.upstream.connections, body_has_passed ? 1 : 2);
    EXPECT_EQ(playing.is_over, body_has_passed);
    if (body_has_passed) EXPECT_EQ(playing.client.status, 502);
  }
}

}  // namespace
}  // namespace picket::apps::gateway::exchange
