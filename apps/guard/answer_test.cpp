#include "apps/guard/answer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::apps::guard {
namespace {

using ::testing::ElementsAre;

const Findings two{{Category::email, "e-mail address", 3, 10, 0.95F}, {Category::phone, "phone number", 14, 17, 0.75F}};

TEST(Answer, SaysWhatWasFoundWhereAndHowSureThatIs) {
  EXPECT_EQ(
      guardrail_response("To a@b.com or 123.", two, true),
      R"({"detected":true,"confidence":0.95,"detections":[)"
      R"({"category":"email","description":"e-mail address","severity":"medium","confidence":0.95,"span":[3,10]},)"
      R"({"category":"phone","description":"phone number","severity":"medium","confidence":0.75,"span":[14,17]}],)"
      R"("redacted_content":"To [redacted: email] or [redacted: phone]."})");
}

TEST(Answer, OfNothingIsThatNothingWasDetected) {
  EXPECT_EQ(guardrail_response("hello", {}, true), R"({"detected":false,"confidence":0.0,"detections":[]})");
}

TEST(Answer, RedactsFindingsThatOverlapOnce) {
  const Findings nested{
      {Category::prompt_injection, "p", 0, 6, 1}, {Category::email, "e", 2, 4, 1}, {Category::email, "e", 5, 8, 1}};
  EXPECT_EQ(redacted("0123456789", nested), "[redacted: prompt_injection][redacted: email]89");
}

TEST(Answer, LetsTheRouteDecideAndTellsTheAuditLogTheCategories) {
  const agent::Decision decision = answer_to("To a@b.com or 123.", two, false);
  EXPECT_TRUE(decision.is_allow());
  EXPECT_THAT(decision.rules(), ElementsAre("email", "phone"));
  EXPECT_THAT(decision.tags(), ElementsAre("guardrail"));
  EXPECT_TRUE(answer_to("x", {}, false).tags().empty());
}

}  // namespace
}  // namespace picket::apps::guard
