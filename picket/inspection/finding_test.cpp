#include "picket/inspection/finding.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

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

TEST(Finding, EachDifferenceOfTheRedactedTextIsOneOfItsOwn) {
  const std::string_view content = "one BBBB two words CCCC end";
  const std::string_view said = R"({"detected":true,"redacted_content":"one #2 two words #3 end"})";
  EXPECT_EQ(redacted(said, content), "one #2 two words #3 end");
  const auto finding = found(said, content);
  ASSERT_TRUE(finding);
  ASSERT_EQ(finding->redactions.size(), 2U);
  EXPECT_EQ(content.substr(finding->redactions[0].begin, 4), "BBBB");
  EXPECT_EQ(content.substr(finding->redactions[1].begin, 4), "CCCC");
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 3> secrets{
    {{"AAAA", "#1"}, {"BB BB", "#two"}, {"CCCC-CCCC", "# 3"}}};

/// What a run lets go of `text`, cut by chance, where an agent tells redacted texts alone.
std::string streamed(std::string_view text, std::mt19937& random) {
  constexpr std::size_t window = 12;
  guardrail::TextRun run{window};
  std::string out;
  std::uint64_t released = 0;
  const auto release = [&] {
    for (const std::uint64_t border = run.border(); released < border; ++released) {
      auto* const span = run.span_at(released);
      out += span == nullptr ? std::string{text[released]} : std::exchange(span->replacement, {});
    }
    run.release(released);
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = std::min<std::size_t>(1 + random() % 30, text.size() - at);
    run.append(text.substr(at, size));
    at += size;
    if (at == text.size()) run.end();
    while (run.has_question()) {
      const auto piece = run.ask(64);
      const std::string content{piece.text};
      std::string said = content;
      for (const auto& [secret, word] : secrets)
        for (std::size_t i = said.find(secret); i != std::string::npos; i = said.find(secret, i))
          said.replace(i, secret.size(), word);
      const auto finding = found(R"({"detected":true,"redacted_content":")" + said + "\"}", content);
      run.answer(piece, finding->redactions);
      release();
    }
  }
  return out;
}

TEST(Finding, OfAStreamNoWordBetweenFindingsIsLostHoweverItIsCut) {
  std::mt19937 random{7};
  for (int round = 0; round < 500; ++round) {
    std::string text;
    std::string expected;
    for (int i = 0; i < 40; ++i) {
      const bool is_secret = random() % 4 == 0;
      const auto& [word, becomes] = secrets[random() % secrets.size()];
      const std::string own = "w" + std::to_string(random() % 50);
      text.append(is_secret ? word : own).append(" and ");
      expected.append(is_secret ? becomes : own).append(" and ");
    }
    ASSERT_EQ(streamed(text, random), expected) << text;
  }
}

TEST(Finding, AnAnswerThatSaysAMemberTwiceIsNone) {
  for (const std::string_view said :
       {R"({"detected":false,"detected":true})", R"({"detected":true,"detections":[],"detections":[{"span":[0,1]}]})",
        R"({"detected":true,"redacted_content":"text","redacted_content":"t"})"})
    EXPECT_FALSE(found(said, "text")) << said;
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
