#include "picket/inspection/operations.hpp"

#include <deque>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::inspection {
namespace {

using base::HeaderOp;
using ::testing::ElementsAre;
using Kind = HeaderOp::Kind;

/// The names outlive the operations, as agents' words do.
std::vector<HeaderOp> many(Kind kind, const std::vector<std::string>& said, std::string_view value = "v") {
  static std::deque<std::vector<std::string>> kept;
  const auto& names = kept.emplace_back(said);
  std::vector<HeaderOp> ops;
  for (const auto& name : names) ops.push_back({kind, name, value});
  return ops;
}

std::vector<std::string> names(std::size_t count) {
  std::vector<std::string> made;
  for (std::size_t i = 0; i < count; ++i) made.push_back("x-" + std::to_string(i));
  return made;
}

class OperationsTest : public ::testing::Test {
 protected:
  std::vector<HeaderOp> all() const { return {operations_.all().begin(), operations_.all().end()}; }

  base::Arena arena_;
  Operations operations_{{.fields = 10, .bytes = 200}, arena_};
};

TEST_F(OperationsTest, StandInTheOrderOfTheAnswers) {
  const HeaderOp set{Kind::set, "a", "1"};
  const HeaderOp add{Kind::add, "b", "2"};
  EXPECT_TRUE(operations_.add(std::vector{set}));
  EXPECT_TRUE(operations_.add(std::vector{add, add}));
  EXPECT_THAT(all(), ElementsAre(set, add, add));
}

TEST_F(OperationsTest, WhatIsUndoneLaterIsDroppedInEverySpelling) {
  const HeaderOp again{Kind::set, "X_A", "3"};
  EXPECT_TRUE(operations_.add(std::vector<HeaderOp>{{Kind::add, "x-a", "1"}, {Kind::set, "b", "2"}, again}));
  EXPECT_THAT(all(), ElementsAre(HeaderOp{Kind::set, "b", "2"}, again));
  const HeaderOp gone{Kind::remove, "b", ""};
  EXPECT_TRUE(operations_.add(std::vector{gone}));
  EXPECT_THAT(all(), ElementsAre(again, gone));
}

TEST_F(OperationsTest, OneFieldMayBeSetInAnyNumberOfAnswers) {
  for (int i = 0; i < 2'000; ++i) ASSERT_TRUE(operations_.add(std::vector<HeaderOp>{{Kind::set, "x-seen", "yes"}}));
  EXPECT_EQ(all().size(), 1U);
  EXPECT_LT(arena_.reserved(), 65'536U);
}

TEST_F(OperationsTest, WhatCountsAlreadyIsKnownAndWhatWouldChangeAnythingIsNot) {
  const std::vector<HeaderOp> set{{Kind::set, "x-a", "1"}};
  EXPECT_TRUE(operations_.has({}));
  EXPECT_FALSE(operations_.has(set));
  EXPECT_TRUE(operations_.add(set));
  EXPECT_TRUE(operations_.has(set));
  for (const auto& other :
       {HeaderOp{Kind::set, "x-a", "2"}, HeaderOp{Kind::add, "x-a", "1"}, HeaderOp{Kind::remove, "x-a", ""}})
    EXPECT_FALSE(operations_.has(std::vector{set[0], other}));
  EXPECT_TRUE(operations_.add(std::vector<HeaderOp>{{Kind::add, "X_A", "1"}}));
  EXPECT_FALSE(operations_.has(set)) << "the field that was added goes";
}

TEST_F(OperationsTest, AHeadGrowsByNoMoreThanAHeadMayBeAndWhatIsTooMuchIsNotTakenInPart) {
  const auto ten = names(10);
  EXPECT_TRUE(operations_.add(many(Kind::add, ten)));
  EXPECT_FALSE(operations_.add(many(Kind::add, {"y", "z"})));
  EXPECT_EQ(all().size(), 10U);
  EXPECT_TRUE(operations_.add(many(Kind::remove, ten)));
  EXPECT_TRUE(operations_.add(many(Kind::add, {"y", "z"})));
}

TEST_F(OperationsTest, BytesAreBoundedToo) {
  const std::string value(195, 'v');
  EXPECT_TRUE(operations_.add(many(Kind::set, {"x"}, value)));
  EXPECT_FALSE(operations_.add(many(Kind::add, {"x"}, "")));
  EXPECT_TRUE(operations_.add(many(Kind::set, {"x"}, "")));
}

TEST_F(OperationsTest, RemovalsAreBoundedInNumber) {
  const auto most = names(most_operations);
  EXPECT_TRUE(operations_.add(many(Kind::remove, most)));
  EXPECT_FALSE(operations_.add(many(Kind::remove, {"y"})));
}

}  // namespace
}  // namespace picket::inspection
