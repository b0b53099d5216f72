#include "picket/pool/reverse/members.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::pool::reverse {
namespace {

using ::testing::HasSubstr;

std::size_t worker_of(Members& members, std::string_view agent, std::string_view id) {
  return members.join(agent, id, std::nullopt, {.of_an_id = 100}).value().worker;
}

TEST(ReverseMembers, EachGoesToTheWorkerThatHasTheFewestForItsAgent) {
  Members members{3};
  EXPECT_EQ(worker_of(members, "a", "a-1"), 0U);
  EXPECT_EQ(worker_of(members, "b", "b-1"), 0U) << "another agent's do not count";
  EXPECT_EQ(worker_of(members, "a", "a-1"), 1U);
  EXPECT_EQ(worker_of(members, "a", "a-2"), 2U) << "those of all ids do";
  EXPECT_EQ(worker_of(members, "b", "b-1"), 1U);
  EXPECT_EQ(members.size(), 5U);
}

TEST(ReverseMembers, AmongEqualsAnIdGoesWhereItIsNot) {
  Members members{2};
  EXPECT_EQ(worker_of(members, "a", "a-1"), 0U);
  EXPECT_EQ(worker_of(members, "a", "a-2"), 1U);
  EXPECT_EQ(worker_of(members, "a", "a-1"), 1U);
  EXPECT_EQ(worker_of(members, "a", "a-2"), 0U);
}

TEST(ReverseMembers, WhoLeavesMakesRoom) {
  Members members{2};
  const Seat first = members.join("a", "x", "t", {.of_an_id = 2}).value();
  const Seat second = members.join("a", "x", "t", {.of_an_id = 2}).value();
  const auto third = members.join("a", "x", "t", {.of_an_id = 2});
  ASSERT_FALSE(third);
  EXPECT_THAT(third.error().detail(), HasSubstr("has 2 connections already, 2 are the most"));
  members.leave(first);
  EXPECT_EQ(members.join("a", "x", "t", {.of_an_id = 2}).value().worker, first.worker);
  members.leave(second);
  EXPECT_EQ(members.size(), 1U);
}

TEST(ReverseMembers, AllIdsTogetherAreBounded) {
  Members members{1};
  const MostConnections most{.of_an_id = 2, .of_all = 3};
  for (const char* const id : {"x", "y", "z"}) EXPECT_TRUE(members.join("a", id, {}, most));
  EXPECT_THAT(members.join("a", "w", {}, most).error().detail(), HasSubstr("3 connections to this proxy already"));
  EXPECT_FALSE(members.join("a", "x", {}, most));
}

TEST(ReverseMembers, AnIdThatIsHeldIsJoinedWithItsTokenOnly) {
  Members members{1};
  const Seat held = members.join("a", "x", "t", {}).value();
  const Seat open = members.join("a", "y", std::nullopt, {}).value();
  for (const auto& token : {std::optional<std::string_view>{}, std::optional<std::string_view>{"u"}}) {
    const auto refused = members.join("a", "x", token, {});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().detail(), HasSubstr("'x' is held by another agent"));
  }
  EXPECT_TRUE(members.join("a", "x", "t", {}));
  EXPECT_FALSE(members.join("a", "y", "", {})) << "an empty token is one";
  EXPECT_TRUE(members.join("a", "y", std::nullopt, {}));
  members.leave(held);
  EXPECT_FALSE(members.join("a", "x", "u", {})) << "another connection of it lives";
  members.leave(held);
  EXPECT_TRUE(members.join("a", "x", "u", {})) << "the id is free again";
  members.leave(open);
}

}  // namespace
}  // namespace picket::pool::reverse
