#include "picket/inspection/merge.hpp"

#include <array>
#include <vector>

#include <gtest/gtest.h>

namespace picket::inspection {
namespace {

using State = Opinion::State;

constexpr std::array<Opinion, 5> every_opinion{{{State::pending, FailureMode::closed},
                                                {State::allows, FailureMode::closed},
                                                {State::decides, FailureMode::closed},
                                                {State::failed, FailureMode::closed},
                                                {State::failed, FailureMode::open}}};

/// All ways in which what is pending can come out.
void outcomes(std::vector<Opinion> opinions, std::size_t from, std::vector<std::vector<Opinion>>& all) {
  while (from < opinions.size() && opinions[from].state != State::pending) ++from;
  if (from == opinions.size()) {
    all.push_back(std::move(opinions));
    return;
  }
  for (const auto& opinion : every_opinion) {
    if (opinion.state == State::pending) continue;
    opinions[from] = opinion;
    outcomes(opinions, from + 1, all);
  }
}

/// The rule for complete opinions, in its words: the first decision, else the first closed failure, else allow.
Merged complete(const std::vector<Opinion>& opinions) {
  for (std::size_t i = 0; i < opinions.size(); ++i)
    if (opinions[i].state == State::decides) return {Merged::Kind::decision, i};
  for (std::size_t i = 0; i < opinions.size(); ++i)
    if (opinions[i].state == State::failed && opinions[i].failure_mode == FailureMode::closed)
      return {Merged::Kind::failure, i};
  return {Merged::Kind::allow, 0};
}

bool same(const Merged& a, const Merged& b) {
  return a.kind == b.kind && (a.index == b.index || a.kind == Merged::Kind::allow);
}

/// Every list of up to `length` opinions.
template <class Use>
void for_each_list(std::size_t length, std::vector<Opinion>& list, Use&& use) {
  use(list);
  if (list.size() == length) return;
  for (const auto& opinion : every_opinion) {
    list.push_back(opinion);
    for_each_list(length, list, use);
    list.pop_back();
  }
}

TEST(Merge, IsDecidedExactlyWhenNothingPendingCouldChangeIt) {
  std::vector<Opinion> list;
  int lists = 0;
  for_each_list(4, list, [&](const std::vector<Opinion>& opinions) {
    ++lists;
    std::vector<std::vector<Opinion>> all;
    outcomes(opinions, 0, all);
    const Merged first = complete(all.front());
    bool agree = true;
    for (const auto& outcome : all) agree = agree && same(complete(outcome), first);
    const Merged merged = merge(opinions);
    if (agree) {
      ASSERT_TRUE(same(merged, first)) << ::testing::PrintToString(opinions.size());
    } else {
      ASSERT_EQ(merged.kind, Merged::Kind::undecided);
    }
  });
  EXPECT_EQ(lists, 1 + 5 + 25 + 125 + 625);
}

TEST(Merge, NobodyMeansAllow) { EXPECT_EQ(merge({}).kind, Merged::Kind::allow); }

TEST(Merge, ADecisionOutweighsAFailureBeforeIt) {
  const std::array<Opinion, 2> opinions{{{State::failed, FailureMode::closed}, {State::decides, FailureMode::closed}}};
  EXPECT_EQ(merge(opinions).kind, Merged::Kind::decision);
  EXPECT_EQ(merge(opinions).index, 1U);
}

}  // namespace
}  // namespace picket::inspection
