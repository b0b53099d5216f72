#include "picket/inspection/finding.hpp"

#include <array>

#include <gtest/gtest.h>

namespace picket::inspection {
namespace {

base::Result<Finding> found(std::string_view said, std::string_view content) {
  const std::array<wire::TextPair, 1> metadata{{{"guardrail_response", said}}};
  return read_finding({.routing_metadata = metadata}, content);
}

/// The text with what was found replaced; "" where it is not said what.
std::string redacted(std::string_view said, std::string_view content) {
  const auto finding = found(said, content);
  if (!finding) return "invalid: " + std::string{finding.error().detail()};
  std::string text{content};
  for (std::size_t i = finding->redactions.size(); i-- != 0;) {
    const auto& each = finding->redactions[i];
    text.replace(each.begin, each.end - each.begin, each.replacement);
  }
  return finding->redactions.empty() ? "" : text;
}

TEST(Finding, AnAnswerThatSaysNothingFoundNothing) {
  const auto finding = read_finding({}, "text");
  ASSERT_TRUE(finding);
  EXPECT_FALSE(finding->is_detected);
  EXPECT_FALSE(found(R"({"detected":false,"confidence":0,"detections":[]})", "text")->is_detected);
}

TEST(Finding, SpansSayWhatIsRedacted) {
  EXPECT_EQ(redacted(R"({"detected":true,"detections":[{"category":"pii","span":[1,3]},{"span":[4,5]}]})", "abcdef"),
            "a[redacted]d[redacted]f");
}

TEST(Finding, TheRedactedTextCountsWhereASpanIsMissing) {
  const std::string_view content = "mail jo\xC3\xA9@x.y now";
  EXPECT_EQ(
      redacted(R"({"detected":true,"detections":[{"category":"pii"}],"redacted_content":"mail [m] now"})", content),
      "mail [m] now");
  EXPECT_EQ(redacted(R"({"detected":true,"detections":[],"redacted_content":"mail jo\u00e8@x.y now"})", content),
            "mail jo\xC3\xA8@x.y now");
  EXPECT_EQ(redacted(R"({"detected":true,"redacted_content":""})", content), "");
  EXPECT_EQ(redacted(R"({"detected":true,"redacted_content":"aa"})", "aaa"), "aa");
  EXPECT_EQ(redacted(R"({"detected":true,"redacted_content":"aaaa"})", "aaa"), "aaaa");
}

TEST(Finding, WhatHasNoPlaceHasNoRedaction) {
  for (const std::string_view said :
       {R"({"detected":true})", R"({"detected":true,"detections":[{"span":[0,1]},{}]})",
        R"({"detected":true,"detections":[{"span":[1,1]}]})", R"({"detected":true,"redacted_content":"text"})"}) {
    const auto finding = found(said, "text");
    ASSERT_TRUE(finding) << said;
    EXPECT_TRUE(finding->is_detected);
    EXPECT_TRUE(finding->redactions.empty()) << said;
  }
}

TEST(Finding, WhatCannotBeIsInvalid) {
  for (const std::string_view said :
       {"", "[]", "{", R"({"detected":1})", R"({"detected":true,"detections":{}})",
        R"({"detected":true,"detections":[{"span":[1]}]})", R"({"detected":true,"detections":[{"span":[-1,2]}]})",
        R"({"detected":true,"detections":[{"span":[0,6]}]})", R"({"detected":true,"detections":[{"span":[2,1]}]})",
        R"({"detected":true,"detections":[{"span":[0,2]}]})", R"({"detected":true,"detections":[{"span":[0.0,1]}]})",
        R"({"detected":true,"redacted_content":7})"})
    EXPECT_FALSE(found(said, "t\xC3\xA9xt")) << said;
}

}  // namespace
}  // namespace picket::inspection
