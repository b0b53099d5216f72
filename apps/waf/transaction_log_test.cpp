#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/waf/base_rules.hpp"
#include "apps/waf/testing/exchange.hpp"
#include "apps/waf/transaction.hpp"

namespace picket::apps::waf {
namespace {

using testing::expect_value;
using ::testing::HasSubstr;
using testing::Request;
using testing::RequestEvent;
using testing::rules_of;

TEST(TransactionLog, TheLogHasALineForEveryMatchBeforeTheVerdictIsOut) {
  const testing::Folder folder;
  auto log = RuleLog::open(folder.path("rules.log"), [](std::string_view) {});
  ASSERT_TRUE(log);
  const auto rules = rules_of(R"(
SecRule ARGS:q "@contains evil" "id:1,phase:1,pass,log,msg:'seen \x0a twice',tag:'t'"
SecRule ARGS:q "@contains evil" "id:2,phase:1,pass,nolog"
SecRule ARGS:q "@contains evil" "id:3,phase:2,deny,status:418,log,msg:'stop'"
SecRule REQUEST_URI "@unconditionalMatch" "id:4,phase:5,pass,log,msg:'the end'")");
  Transaction transaction(rules, &*log);
  const Request request{.uri = "/?q=evil%0a"};
  const RequestEvent head(request);
  EXPECT_EQ(expect_value(transaction.on_request_headers(head.event, BodyPlan::sent)).status, 418);
  const std::string lines = folder.read("rules.log");
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2);
  EXPECT_THAT(lines, HasSubstr("[client 192.0.2.7] ModSecurity: Warning. "));
  EXPECT_THAT(lines, HasSubstr("[id \"1\"]"));
  EXPECT_THAT(lines, HasSubstr("ModSecurity: Access denied with code 418 (phase 2). "));
  EXPECT_THAT(lines, HasSubstr("[id \"3\"]"));
  EXPECT_TRUE(transaction.on_complete());
  EXPECT_TRUE(transaction.on_complete());
  EXPECT_THAT(folder.read("rules.log").substr(lines.size()), HasSubstr("[msg \"the end\"]"));
}

/// The log's lines about an exchange that is called `id`: of its head, and of a body that nobody announced.
std::string lines_of(std::string_view id) {
  const testing::Folder folder;
  auto log = RuleLog::open(folder.path("rules.log"), [](std::string_view) {});
  EXPECT_TRUE(log);
  const auto rules = rules_of(R"(
SecRule REQUEST_URI "@contains evil" "id:1,phase:2,pass,log,logdata:'%{UNIQUE_ID}'")");
  Transaction transaction(rules, &*log, id);
  const RequestEvent head(Request{.method = "POST", .uri = "/evil"});
  expect_value(transaction.on_request_headers(head.event, BodyPlan::unknown));
  expect_value(transaction.on_request_body_chunk(testing::chunk_of("more", true)));
  return folder.read("rules.log");
}

TEST(TransactionLog, TheExchangesIdIsInTheLogAndKnownToTheRules) {
  const std::string lines = lines_of("0f3a-17");
  const std::string first = lines.substr(0, lines.find('\n'));
  const std::string second = lines.substr(first.size() + 1);
  for (const std::string& line : {first, second}) {
    EXPECT_THAT(line, HasSubstr("[unique_id \"0f3a-17\"]"));
    EXPECT_THAT(line, HasSubstr("[data \"0f3a-17\"]"));
  }
}

TEST(TransactionLog, AnIdForgesNoLineOfTheLog) {
  const std::string lines = lines_of("a\"] [id \"2\"]\n\x01[client \xff");
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2);
  EXPECT_THAT(lines, HasSubstr("[unique_id \"a_]_[id__2_]__[client__\"]"));
}

}  // namespace
}  // namespace picket::apps::waf
