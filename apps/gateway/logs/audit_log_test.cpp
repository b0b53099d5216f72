#include "apps/gateway/logs/audit_log.hpp"

#include <algorithm>
#include <regex>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <spdlog/logger.h>

#include "apps/gateway/logs/testing/written_line.hpp"

namespace picket::apps::gateway::logs {
namespace {

class AuditLines : public ::testing::Test {
 protected:
  /// The line for an outcome, without time and duration, which are checked for their form.
  std::string line(wire::EventKind event, const inspection::AuditOutcome& outcome) {
    static const std::regex form{R"re(\{"ts":"\d{4}-[-0-9T:.]+Z",(.*),"duration_us":\d+\}\n)re"};
    log_.on_outcome({.exchange = "4bf9", .agent = "waf", .event = event, .asked_at = base::Clock::now()}, outcome);
    return testing::written_line(queue_, form);
  }

  LineQueue queue_;
  spdlog::logger nowhere_{"nowhere"};
  AuditLog log_{&queue_, nowhere_};
};

TEST_F(AuditLines, SayWhatWasDecidedWithItsRulesAndTags) {
  const std::vector<std::string_view> rules{"942100", "949110"};
  const std::vector<std::string_view> tags{"sqli", "a\"b"};
  const wire::AgentResponse response{.audit = {.tags = tags, .rule_ids = rules}};
  EXPECT_EQ(line(wire::EventKind::request_headers, {.decision = "block", .status = 403, .response = &response}),
            R"("id":"4bf9","agent":"waf","phase":"request_headers","decision":"block","status":403,)"
            R"("rule_ids":["942100","949110"],"tags":["sqli","a\"b"])");
}

TEST_F(AuditLines, SayTheReasonsOfAnAgentThatHasSome) {
  const std::vector<std::string_view> codes{"match-limit-reached"};
  const wire::AgentResponse response{.audit = {.reason_codes = codes}};
  EXPECT_EQ(line(wire::EventKind::request_headers, {.decision = "block", .status = 403, .response = &response}),
            R"("id":"4bf9","agent":"waf","phase":"request_headers","decision":"block","status":403,)"
            R"("rule_ids":[],"tags":[],"reason_codes":["match-limit-reached"])");
}

TEST_F(AuditLines, SayNothingOfAnAnswerThatThereIsNot) {
  EXPECT_EQ(line(wire::EventKind::request_body_chunk, {.decision = "failed_open"}),
            R"("id":"4bf9","agent":"waf","phase":"request_body","decision":"failed_open","status":null,)"
            R"("rule_ids":[],"tags":[])");
  EXPECT_EQ(line(wire::EventKind::response_headers, {.decision = "failed_closed", .status = 504}),
            R"("id":"4bf9","agent":"waf","phase":"response_headers","decision":"failed_closed","status":504,)"
            R"("rule_ids":[],"tags":[])");
}

/// A line that says how much it leaves out, whatever an agent sends.
class AmpleAudits : public ::testing::Test {
 protected:
  std::string line(const std::vector<std::string_view>& rules, const std::vector<std::string_view>& tags) {
    const wire::AgentResponse response{.audit = {.tags = tags, .rule_ids = rules}};
    log_.on_outcome({.asked_at = base::Clock::now()}, {.decision = "block", .status = 403, .response = &response});
    std::string text;
    EXPECT_TRUE(queue_.drain(text)) << "a line always fits";
    return text;
  }

  LineQueue queue_;
  spdlog::logger nowhere_{"nowhere"};
  AuditLog log_{&queue_, nowhere_};
};

TEST_F(AmpleAudits, HaveTheFirst256OfEachListAndTheNumberOfTheOthers) {
  const std::string text = line(std::vector<std::string_view>(300, "1"), std::vector<std::string_view>(1'000'000, "t"));
  EXPECT_EQ(std::ranges::count(text.substr(text.find(R"("tags")")), '"'), 2 * 256 + 2 + 4) << text;
  EXPECT_LT(text.size(), 4096U);
  EXPECT_NE(text.find(R"(,"truncated":999788})"), std::string::npos) << text;
}

TEST_F(AmpleAudits, HaveNoMoreThan16KiBOfText) {
  const std::string large(100'000, 'x');
  const std::string control(8 * 1024, '\1');
  const std::string text = line({large, "942100", control}, {control, "sqli"});
  EXPECT_NE(text.find(R"("rule_ids":["942100","\u0001)"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("tags":["sqli"])"), std::string::npos) << text;
  EXPECT_NE(text.find(R"(,"truncated":2})"), std::string::npos) << text;
}

TEST_F(AmpleAudits, OfTheUsualSizeSayNothingOfThat) {
  EXPECT_EQ(line({"1"}, std::vector<std::string_view>(256, "t")).find("truncated"), std::string::npos);
}

}  // namespace
}  // namespace picket::apps::gateway::logs
