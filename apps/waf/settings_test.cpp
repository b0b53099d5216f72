#include "apps/waf/settings.hpp"

#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/waf/testing/exchange.hpp"

namespace picket::apps::waf {
namespace {

using ::testing::HasSubstr;
using wire::Member;
using wire::Value;

Value object(std::span<const Member> members) { return {.data = members}; }

std::string error_of(const Value& config) {
  const auto settings = parse_settings(config);
  return settings ? "accepted" : settings.error().detail();
}

TEST(Settings, NothingAndAnEmptyObjectChangeNothing) {
  EXPECT_EQ(*parse_settings(Value{}), Settings{});
  EXPECT_EQ(*parse_settings(object({})), Settings{});
}

TEST(Settings, KnownKeysAreRead) {
  const Member members[] = {{"paranoia-level", {.data = std::int64_t{3}}}, {"detection-only", {.data = true}}};
  EXPECT_EQ(*parse_settings(object(members)), (Settings{.paranoia = 3, .detection_only = true}));
}

TEST(Settings, AnythingElseIsRefusedByName) {
  const struct {
    Member member;
    const char* expected;
  } cases[] = {{{"paranoia", {.data = std::int64_t{1}}}, "no key 'paranoia'"},
               {{"paranoia-level", {.data = std::int64_t{5}}}, "from 1 to 4"},
               {{"paranoia-level", {.data = std::int64_t{0}}}, "from 1 to 4"},
               {{"paranoia-level", {.data = 1.5}}, "from 1 to 4"},
               {{"paranoia-level", {.data = std::string_view{"1"}}}, "from 1 to 4"},
               {{"detection-only", {.data = std::int64_t{1}}}, "true or false"}};
  for (const auto& test : cases) {
    SCOPED_TRACE(test.expected);
    EXPECT_THAT(error_of(object(std::span(&test.member, 1))), HasSubstr(test.expected));
  }
  EXPECT_THAT(error_of({.data = std::int64_t{1}}), HasSubstr("must be an object"));
}

/// Waits for a set.
RuleSets::Loaded get(RuleSets& sets, const Settings& settings) {
  std::promise<RuleSets::Loaded> promise;
  auto loaded = promise.get_future();
  sets.get(settings, [&promise](RuleSets::Loaded result) { promise.set_value(std::move(result)); });
  return loaded.get();
}

TEST(RuleSets, EachSettingIsLoadedOnceWhileItIsUsed) {
  auto sets = RuleSets::load(testing::engine(), {});
  ASSERT_TRUE(sets) << sets.error().message();
  EXPECT_EQ(*get(**sets, {}), (*sets)->standard());

  const auto strict = get(**sets, {.paranoia = 4});
  const auto quiet = get(**sets, {.detection_only = true});
  ASSERT_TRUE(strict && quiet);
  EXPECT_EQ(*get(**sets, {.paranoia = 4}), *strict);
  EXPECT_NE(*strict, *quiet);

  const testing::Request attack{.uri = "/?q=<script>alert(1)</script>"};
  EXPECT_FALSE(testing::inspect((*sets)->standard(), attack).allows());
  EXPECT_TRUE(testing::inspect(*quiet, attack).allows());
  const testing::Request odd{.uri = "/?q=a-b-c-d"};
  EXPECT_TRUE(testing::inspect((*sets)->standard(), odd).matches.empty());
  EXPECT_FALSE(testing::inspect(*strict, odd).matches.empty());
}

TEST(RuleSets, WhatTheCommandLineSaysAlreadyIsNoSetOfItsOwn) {
  const auto sets = RuleSets::load(testing::engine(), {.paranoia = 2});
  ASSERT_TRUE(sets);
  EXPECT_EQ(*get(**sets, {.paranoia = 2}), (*sets)->standard());
  EXPECT_NE(*get(**sets, {.paranoia = 3}), (*sets)->standard());
}

TEST(RuleSets, ASetThatNobodyUsesIsFreed) {
  auto sets = RuleSets::load(testing::engine(), {});
  ASSERT_TRUE(sets);
  std::weak_ptr<const RuleSet> observer;
  {
    auto strict = get(**sets, {.paranoia = 2});
    ASSERT_TRUE(strict);
    observer = *strict;
    EXPECT_FALSE(observer.expired());
  }
  EXPECT_TRUE(observer.expired());
}

}  // namespace
}  // namespace picket::apps::waf
