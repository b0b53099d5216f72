#include "apps/gateway/exchange/refused_head.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/gateway/exchange/testing/world.hpp"

namespace picket::apps::gateway::exchange {
namespace {

using ::testing::EndsWith;

TEST(RefusedHead, IsAnsweredWithItsReasonAndCountedOnce) {
  testing::World world;
  base::Arena arena;
  const RefusedHead refused{world.service(), {.status = 431, .reason = "too many fields"}, arena};
  EXPECT_EQ(refused.answer().status, 431);
  EXPECT_THAT(refused.answer().body, EndsWith("too many fields\n"));
  const auto& metrics = world.shard.metrics;
  EXPECT_EQ(metrics.requests_by_class[4].value(), 1U);
  EXPECT_EQ(metrics.answers_by_reason[static_cast<std::size_t>(answers::Reason::bad_request)].value(), 1U);
}

TEST(RefusedHead, SaysWhenAndWhy) {
  testing::World world;
  base::Arena arena;
  const RefusedHead refused{world.service(), {.status = 400, .reason = "no host"}, arena};
  EXPECT_EQ(http::find(refused.fields(), "date")->value, world.shard.date.now());
  EXPECT_EQ(http::find(refused.fields(), "x-picket-reason")->value, "bad_request");
}

}  // namespace
}  // namespace picket::apps::gateway::exchange
