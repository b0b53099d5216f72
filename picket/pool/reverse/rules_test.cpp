#include "picket/pool/reverse/rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::pool::reverse {
namespace {

using ::testing::HasSubstr;

TEST(ReversePatterns, NameAnIdWholeOrByItsBeginning) {
  const struct {
    std::string_view pattern;
    std::string_view id;
    bool matches;
  } rows[] = {
      {"edge", "edge", true},       {"edge", "edge-1", false}, {"edge", "edg", false},     {"edge", "Edge", false},
      {"edge-*", "edge-1", true},   {"edge-*", "edge-", true}, {"edge-*", "edge", false},  {"*", "anything", true},
      {"edge-*", "xedge-1", false}, {"edge", "", false},       {"edge-*", "edge-*", true},
  };
  for (const auto& row : rows) EXPECT_EQ(matches(row.pattern, row.id), row.matches) << row.pattern << " " << row.id;
}

TEST(ReversePatterns, WhatIsNoneIsSaid) {
  for (const std::string_view good : {"edge", "edge-*", "*"}) EXPECT_FALSE(pattern_problem(good)) << good;
  for (const std::string_view bad : {"", "e*dge", "**", "*edge"}) EXPECT_TRUE(pattern_problem(bad)) << bad;
  EXPECT_TRUE(pattern_problem(std::string(257, 'x')));
}

TEST(ReverseTokens, AreTheSameOnlyWhereEveryByteIs) {
  EXPECT_TRUE(same_token("s3cret", "s3cret"));
  for (const std::string_view wrong : {"", "s", "s3cre", "s3cret ", "s3creT", "S3cret"})
    EXPECT_FALSE(same_token("s3cret", wrong)) << wrong;
  using namespace std::string_view_literals;
  EXPECT_FALSE(same_token("s3cret", "s3cret\0"sv));
  EXPECT_FALSE(same_token("s3cret\0"sv, "s3cret"));
}

Rules rules() {
  return {.claims = {{"block", {"edge", "waf-*"}}, {"other", {"waf-1"}}, {"open", {"open"}}},
          .allowed = {},
          .secrets = {{"edge", "one"}, {"edge", "two"}, {"waf-*", "three"}}};
}

void expect_refused(const Rules& rules, std::string_view id, std::optional<std::string_view> token,
                    std::string_view says) {
  const auto judged = rules.judge(id, token);
  ASSERT_FALSE(judged) << id;
  EXPECT_THAT(judged.error().detail(), HasSubstr(says));
}

TEST(ReverseRules, AnIdThatASecretNamesNeedsOneOfThose) {
  EXPECT_EQ(rules().judge("edge", "one").value()->agent, "block");
  EXPECT_EQ(rules().judge("edge", "two").value()->agent, "block") << "tokens are changed by having two for a while";
  EXPECT_EQ(rules().judge("open", std::nullopt).value()->agent, "open");
  EXPECT_EQ(rules().judge("open", "whatever").value()->agent, "open") << "nothing is known that it could be held to";
  expect_refused(rules(), "edge", "three", "not that of the id 'edge'");
  expect_refused(rules(), "edge", "", "not that of the id 'edge'");
  expect_refused(rules(), "edge", std::nullopt, "needs an auth_token");
}

TEST(ReverseRules, WhereAuthenticationIsRequiredAnIdWithoutASecretIsRefused) {
  Rules strict = rules();
  strict.require_auth = true;
  EXPECT_FALSE(strict.problem());
  expect_refused(strict, "open", std::nullopt, "requires an auth_token");
  expect_refused(strict, "open", "one", "requires an auth_token");
  EXPECT_TRUE(strict.judge("edge", "one"));
}

TEST(ReverseRules, OnlyTheAllowedMayRegister) {
  Rules few = rules();
  few.allowed = {"waf-*", "nobody"};
  EXPECT_TRUE(few.judge("waf-7", "three"));
  expect_refused(few, "open", std::nullopt, "not among the allowed agents");
  expect_refused(few, "nobody", std::nullopt, "no agent block claims the id 'nobody'");
}

TEST(ReverseRules, TheClaimThatSaysMostOfAnIdHasIt) {
  EXPECT_EQ(rules().judge("waf-1", "three").value()->agent, "other");
  EXPECT_EQ(rules().judge("waf-12", "three").value()->agent, "block");
  const Rules nested{.claims = {{"all", {"*"}}, {"some", {"edge-*"}}, {"one", {"edge-1"}}}};
  EXPECT_EQ(nested.judge("x", {}).value()->agent, "all");
  EXPECT_EQ(nested.judge("edge-2", {}).value()->agent, "some");
  EXPECT_EQ(nested.judge("edge-1", {}).value()->agent, "one");
}

TEST(ReverseRules, AnIdIsQuotedAsItMayStandInALog) { expect_refused(rules(), "a\nb", std::nullopt, "a\\x0ab"); }

TEST(ReverseRules, WhatCannotBeMeantSoIsSaid) {
  EXPECT_THAT(Rules{.require_auth = true}.problem().value_or(""), HasSubstr("without any auth-token"));
  EXPECT_TRUE((Rules{.secrets = {{"a", ""}}}.problem()));
  EXPECT_TRUE((Rules{.secrets = {{"*a", "x"}}}.problem()));
  EXPECT_TRUE((Rules{.claims = {{"a", {"x*y"}}}}.problem()));
  EXPECT_TRUE((Rules{.allowed = {""}}.problem()));
  EXPECT_TRUE(Rules{.max_connections_per_agent = 0}.problem());
  EXPECT_FALSE(Rules{}.problem());
}

}  // namespace
}  // namespace picket::pool::reverse
