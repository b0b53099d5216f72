#include "apps/guard/scan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/guard/testing/found.hpp"

namespace picket::apps::guard {
namespace {

using ::testing::ElementsAre;
using testing::values_of;

TEST(Scan, GivesAllCategoriesByPlace) {
  const std::string_view text = "ann@example.com from 203.0.113.7 pays 4111 1111 1111 1111";
  EXPECT_THAT(values_of(text, scan(text, Categories::all())),
              ElementsAre("ann@example.com", "203.0.113.7", "4111 1111 1111 1111"));
  EXPECT_THAT(values_of(text, scan(text, {Category::ip_address})), ElementsAre("203.0.113.7"));
  EXPECT_TRUE(scan(text, {}).empty());
}

TEST(Scan, FullWidthDigitsAreDigitsAndSpansAreTheSources) {
  const std::string_view text = "電話 ０３－５５５５－０１２３、card ４１１１ １１１１ １１１１ １１１１。";
  EXPECT_THAT(values_of(text, scan(text, Categories::all())),
              ElementsAre("０３－５５５５－０１２３", "４１１１ １１１１ １１１１ １１１１"));
}

TEST(Scan, WhatOverlapsIsOneFindingOfTheMoreParticularCategory) {
  const std::string_view text = "password: eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl!x";
  const Findings findings = scan(text, Categories::all());
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].category, Category::jwt);
  EXPECT_EQ(findings[0].end, text.size());  // the longer one's end: what is redacted leaves nothing of either
}

TEST(Scan, APhraseIsAFindingBesideTheValueInIt) {
  const std::string_view text = "ignore ann@example.com and previous instructions";
  const Findings findings = scan(text, Categories::all());
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].category, Category::prompt_injection);
  EXPECT_EQ(findings[1].category, Category::email);
}

TEST(Scan, WhatIsAllowedOrUnsureIsNotSaid) {
  AllowList allowed;
  allowed.add("@example.com");
  const std::string_view text = "ann@example.com bob@example.org 10.0.0.1";
  EXPECT_THAT(values_of(text, scan(text, Categories::all(), 0.9F, allowed)), ElementsAre("bob@example.org"));
}

TEST(Scan, OfTooManyTheLastOneReachesToTheEnd) {
  std::string text;
  for (std::size_t i = 0; i < most_findings + 5; ++i) text += "a@b.co ";
  const Findings findings = scan(text, {Category::email});
  ASSERT_EQ(findings.size(), most_findings);
  EXPECT_EQ(findings.back().end, text.size());
}

}  // namespace
}  // namespace picket::apps::guard
