#include "apps/cli/recording/difference.hpp"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/cli/recording/masking.hpp"

namespace picket::apps::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Difference, OfAnAnswerToItselfUnderAnotherNameIsNone) {
  const wire::AgentResponse recorded{.decision = wire::Block{.status = 403}, .correlation_id = "a"};
  wire::AgentResponse now = recorded;
  now.correlation_id = "b";
  now.reply_to = wire::ReplyTo{};
  EXPECT_THAT(differences(recorded, now), IsEmpty());
}

TEST(Difference, NamesTheFieldAndBothValues) {
  const wire::AgentResponse recorded{.decision = wire::Block{.status = 403, .body = "no"}};
  const wire::AgentResponse now{.decision = wire::Block{.status = 429, .body = "no"}, .needs_more = true};
  EXPECT_THAT(differences(recorded, now), ElementsAre(Difference{"decision.block.status", "403", "429"},
                                                      Difference{"needs_more", "false", "true"}));
  EXPECT_THAT(
      differences({}, recorded),
      ElementsAre(Difference{"decision", R"("allow")", R"({"block":{"status":403,"body":"no","headers":null}})"}));
}

TEST(Difference, NamesWhatIsThereInOneOfThemOnly) {
  const std::array<wire::Text, 2> rules{"1", "2"};
  wire::AgentResponse recorded;
  recorded.audit.rule_ids = rules;
  wire::AgentResponse now;
  now.audit.rule_ids = std::span{rules}.first(1);
  EXPECT_THAT(differences(recorded, now), ElementsAre(Difference{"audit.rule_ids[1]", R"("2")", "nothing"}));
  EXPECT_THAT(differences(now, recorded), ElementsAre(Difference{"audit.rule_ids[1]", "nothing", R"("2")"}));
}

TEST(Difference, WhatIsMaskedInTheRecordingIsEqualToAnything) {
  const std::array<wire::HeaderOp, 1> masked{{{wire::HeaderOp::Kind::set, "cookie", mask}}};
  const std::array<wire::HeaderOp, 1> plain{{{wire::HeaderOp::Kind::set, "cookie", "a=1"}}};
  EXPECT_THAT(differences({.request_headers = masked}, {.request_headers = plain}), IsEmpty());
  EXPECT_EQ(differences({.request_headers = plain}, {.request_headers = masked}).size(), 1U);
}

}  // namespace
}  // namespace picket::apps::cli
