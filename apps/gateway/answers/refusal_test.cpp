#include "apps/gateway/answers/refusal.hpp"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picket/http/fields.hpp"

namespace picket::apps::gateway::answers {
namespace {

using inspection::Failure;
using ::testing::ElementsAre;

TEST(Refusal, SaysWhyAndNothingElse) {
  base::Arena arena;
  const auto answer = refusal(Reason::agent_timeout, 504, arena);
  EXPECT_EQ(answer.status, 504);
  EXPECT_EQ(http::find(answer.fields, "x-picket-reason")->value, "agent_timeout");
  EXPECT_EQ(answer.body, "504 Gateway Timeout: agent_timeout\n");
}

TEST(Refusal, OfAGuardrailIsWhatClientsOfModelsRead) {
  base::Arena arena;
  const auto answer = refusal(Reason::guardrail, 403, arena);
  EXPECT_EQ(http::find(answer.fields, "x-picket-reason")->value, "guardrail");
  EXPECT_EQ(http::find(answer.fields, "content-type")->value, "application/json");
  EXPECT_TRUE(answer.body.starts_with(R"({"error":{"message":)"));
}

TEST(Reasons, HaveTheNamesOfTheConfigurationReference) {
  std::vector<std::string_view> names;
  for (std::size_t i = 1; i < answer_reason_count; ++i) names.push_back(name(static_cast<Reason>(i)));
  EXPECT_THAT(names, ElementsAre("agent_timeout", "agent_unavailable", "agent_protocol_error", "body_too_large",
                                 "body_undecodable", "bad_request", "misdirected_request", "upstream_error",
                                 "upstream_certificate", "overloaded", "guardrail"));
}

TEST(Reasons, OfAnAnswerThatNobodyGetsAreInTheAccessLogAlone) {
  EXPECT_EQ(name(Reason::client_gone), "client_gone");
  EXPECT_EQ(name(Reason::proxy_shutdown), "proxy_shutdown");
  EXPECT_EQ(name(Reason::websocket_breach), "websocket_breach");
  EXPECT_LE(answer_reason_count, static_cast<std::size_t>(Reason::client_gone));
}

TEST(Reasons, TellEveryFailureOfAnAgent) {
  EXPECT_EQ(reason_of(Failure::none), Reason::none);
  EXPECT_EQ(reason_of(Failure::timeout), Reason::agent_timeout);
  EXPECT_EQ(reason_of(Failure::unavailable), Reason::agent_unavailable);
  EXPECT_EQ(reason_of(Failure::protocol_error), Reason::agent_protocol_error);
  EXPECT_EQ(reason_of(Failure::overloaded), Reason::overloaded);
  EXPECT_EQ(reason_of(Failure::body_too_large), Reason::body_too_large);
  EXPECT_EQ(reason_of(Failure::guardrail), Reason::guardrail);
}

}  // namespace
}  // namespace picket::apps::gateway::answers
