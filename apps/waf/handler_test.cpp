#include "apps/waf/handler.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/waf/testing/exchange.hpp"
#include "picket/agent/handler_factory.hpp"
#include "picket/agent/kit/exchange.hpp"
#include "picket/session/agent_info.hpp"

namespace picket::apps::waf {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using wire::EventKind;
using Exchange = agent::kit::Exchange;

const Exchange::HeaderList head{{"host", "example.test"}, {"user-agent", "Mozilla/5.0"}, {"accept", "*/*"}};
const std::vector<EventKind> with_bodies{EventKind::request_headers, EventKind::request_body_chunk};

Exchange::HeaderList with(Exchange::HeaderList::value_type field) {
  Exchange::HeaderList headers = head;
  headers.push_back(std::move(field));
  return headers;
}

class WafHandlerTest : public ::testing::Test {
 protected:
  static RuleSets& sets() {
    static const std::unique_ptr<RuleSets> one = std::move(*RuleSets::load(testing::engine(), {}));
    return *one;
  }
  std::vector<std::string> complaints_;
  WafHandler handler_{sets(), nullptr, [this](std::string_view line) { complaints_.emplace_back(line); }};
};

TEST_F(WafHandlerTest, AnAttackIsBlockedAndAudited) {
  Exchange exchange(handler_, with_bodies);
  const agent::Decision decision = exchange.get("/?q=<script>alert(1)</script>", head);
  EXPECT_EQ(decision.block_status(), 403);
  EXPECT_THAT(decision.rules(), Contains("941100"));
  EXPECT_THAT(decision.rules(), Contains("949110"));
  EXPECT_THAT(decision.tags(), Contains("attack-xss"));
}

TEST_F(WafHandlerTest, ACleanExchangePassesAllItsEvents) {
  Exchange exchange(handler_, with_bodies);
  auto headers = with({"content-type", "application/x-www-form-urlencoded"});
  headers.emplace_back("content-length", "8");
  EXPECT_TRUE(exchange.request("POST", "/login", headers).is_allow());
  EXPECT_TRUE(exchange.body("user", false).is_allow());
  EXPECT_TRUE(exchange.body("=ann", true).is_allow());
  EXPECT_TRUE(exchange.response(200).is_allow());
}

TEST_F(WafHandlerTest, WithoutBodiesTheHeadIsJudgedAtOnce) {
  const auto headers = with({"content-length", "3"});
  const char* attack = "/?q=<script>alert(1)</script>";
  EXPECT_TRUE(Exchange(handler_, with_bodies).request("POST", attack, headers).is_allow());
  EXPECT_FALSE(Exchange(handler_, {EventKind::request_headers}).request("POST", attack, headers).is_allow());
  EXPECT_FALSE(Exchange(handler_).request("POST", attack, headers).is_allow());
}

TEST_F(WafHandlerTest, AConnectionMayAskForItsOwnRules) {
  const wire::Member level[] = {{"paranoia-level", {.data = std::int64_t{4}}}, {"detection-only", {.data = true}}};
  Exchange strict(handler_, with_bodies);
  ASSERT_TRUE(strict.configure({.data = std::span<const wire::Member>(level)}));
  const agent::Decision decision = strict.get("/?q=a-b-c-d", head);
  EXPECT_TRUE(decision.is_allow());
  EXPECT_THAT(decision.rules(), Contains("942432"));

  Exchange standard(handler_, with_bodies);
  EXPECT_THAT(standard.get("/?q=a-b-c-d", head).rules(), IsEmpty());
}

TEST_F(WafHandlerTest, AnUnknownConfigurationIsRefusedByName) {
  Exchange exchange(handler_);
  const wire::Member member[] = {{"paranoia", {.data = std::int64_t{4}}}};
  const auto status = exchange.configure({.data = std::span<const wire::Member>(member)});
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().detail(), HasSubstr("'paranoia'"));
}

TEST_F(WafHandlerTest, ABodyWithoutItsHeadIsBlocked) {
  Exchange exchange(handler_);
  EXPECT_EQ(exchange.body("orphan").block_status(), 503);
  EXPECT_THAT(complaints_, ElementsAre(HasSubstr("could not be judged")));
}

TEST_F(WafHandlerTest, ACancelledExchangeIsLoggedToo) {
  const testing::Folder folder;
  const auto rules = folder.write("end.conf", R"(SecRule REQUEST_URI "@unconditionalMatch" "id:1,phase:5,pass,log")");
  const auto own = RuleSets::load(testing::engine(), {.rules = {rules}});
  ASSERT_TRUE(own);
  auto log = RuleLog::open(folder.path("log"), [](std::string_view) {});
  ASSERT_TRUE(log);
  WafHandler handler(**own, &*log, [](std::string_view) {});
  Exchange exchange(handler);
  EXPECT_TRUE(exchange.get("/", head).is_allow());
  exchange.cancel();
  EXPECT_THAT(folder.read("log"), HasSubstr("[id \"1\"]"));
}

TEST_F(WafHandlerTest, AResponseWithoutItsRequestIsStillJudged) {
  EXPECT_TRUE(Exchange(handler_).response(200).is_allow());
}

TEST_F(WafHandlerTest, ItSaysWhatItTakes) {
  const agent::HandlerFactory factory{
      [] { return std::make_unique<WafHandler>(sets(), nullptr, [](std::string_view) {}); }};
  const session::AgentInfo info = factory.declaration(factory.make()->info());
  EXPECT_THAT(info.events,
              ElementsAre(EventKind::configure, EventKind::request_headers, EventKind::request_body_chunk,
                          EventKind::response_headers, EventKind::response_body_chunk, EventKind::request_complete));
  EXPECT_EQ(info.limits.max_body_size, 10U * 1024 * 1024);
}

TEST(WafHandlerLimits, TheLargerOneIsAnnouncedSinceItIsForBothDirections) {
  const testing::Folder folder;
  const auto announced = [&](const char* directives) {
    const auto own = RuleSets::load(testing::engine(), {.rules = {folder.write("limits.conf", directives)}});
    return WafHandler(**own, nullptr, [](std::string_view) {}).info().limits.max_body_size;
  };
  EXPECT_EQ(announced("SecRequestBodyLimit 1000\n"), 1024U * 1024);
  EXPECT_EQ(announced("SecRequestBodyLimit 1000\nSecResponseBodyLimit 2000\n"), 2000U);
  EXPECT_EQ(announced("SecResponseBodyLimit 20971520\n"), 20U * 1024 * 1024);
}

TEST(ToDecision, VerdictsBecomeWhatTheyMean) {
  Verdict verdict{.action = Verdict::Action::redirect, .status = 301, .url = "/new"};
  verdict.matches = {{"1", "first", {"a", "b"}}, {"2", "", {"b"}}};
  verdict.notes = {{"note", 400, "why"}};
  const agent::Decision decision = to_decision(verdict);
  EXPECT_FALSE(decision.is_allow());
  EXPECT_THAT(decision.rules(), ElementsAre("1", "2"));
  EXPECT_THAT(decision.tags(), ElementsAre("a", "b"));

  base::Arena arena;
  const wire::AgentResponse response = decision.response({}, arena);
  const auto* const redirect = std::get_if<wire::Redirect>(&response.decision);
  ASSERT_NE(redirect, nullptr);
  EXPECT_EQ(redirect->url, "/new");
  EXPECT_EQ(redirect->status, 301);
  EXPECT_THAT(response.audit.reason_codes, ElementsAre("note"));
  ASSERT_EQ(response.audit.custom.size(), 2U);
  EXPECT_EQ(response.audit.custom[1].name, "note");
  EXPECT_EQ(response.audit.custom[0].name, "1");
}

}  // namespace
}  // namespace picket::apps::waf
