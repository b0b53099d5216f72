#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/waf/handler.hpp"
#include "apps/waf/testing/exchange.hpp"
#include "picket/agent/kit/exchange.hpp"

/// Answers before the rules: phases 3 and 4.
namespace picket::apps::waf {
namespace {

using testing::chunk_of;
using testing::crs;
using ::testing::ElementsAre;
using testing::expect_value;
using ::testing::HasSubstr;
using testing::matched;
using testing::RequestEvent;
using testing::rules_of;

constexpr std::string_view leak =
    "<p>You have an error in your SQL syntax; check the manual that corresponds to your MySQL server</p>";

/// One answer, as the proxy sends it.
struct Answer {
  std::uint16_t status = 200;
  std::string type = "text/html";
  std::string body = {};
  std::size_t chunk = 65536;
  BodyPlan plan = BodyPlan::sent;
  std::string method = "GET";
};

wire::ResponseBodyChunk answer_chunk(std::string_view data, bool is_last) {
  return {.data = base::as_bytes(data), .is_last = is_last};
}

/// The verdicts on the head and on each chunk, until one does not allow.
std::vector<Verdict> judge(const std::shared_ptr<const RuleSet>& rules, const Answer& answer, RuleLog* log = nullptr) {
  Transaction transaction(rules, log);
  const RequestEvent request({.method = answer.method});
  EXPECT_TRUE(expect_value(transaction.on_request_headers(request.event, BodyPlan::sent)).allows());
  const std::vector<wire::Header> fields{{"Content-Type", answer.type}};
  std::vector<Verdict> verdicts{expect_value(transaction.on_response_headers(
      {.status = answer.status, .headers = answer.type.empty() ? wire::Headers{} : wire::Headers(fields)},
      answer.plan))};
  for (std::size_t at = 0; at < answer.body.size() && verdicts.back().allows(); at += answer.chunk) {
    const std::string_view data = std::string_view(answer.body).substr(at, answer.chunk);
    verdicts.push_back(
        expect_value(transaction.on_response_body_chunk(answer_chunk(data, at + data.size() == answer.body.size()))));
  }
  EXPECT_TRUE(transaction.on_complete());
  return verdicts;
}

TEST(Response, ALeakInTheBodyIsBlockedAtItsEnd) {
  const auto verdicts = judge(crs(), {.body = std::string(leak), .chunk = 10});
  ASSERT_EQ(verdicts.size(), leak.size() / 10 + 2);
  for (std::size_t i = 0; i + 1 < verdicts.size(); ++i) {
    EXPECT_TRUE(verdicts[i].allows());
    EXPECT_FALSE(verdicts[i].is_whole) << "verdict " << i << " lets a part go on";
  }
  EXPECT_EQ(verdicts.back().status, 403);
  EXPECT_TRUE(matched(verdicts.back(), "951230"));
  EXPECT_TRUE(matched(verdicts.back(), "959100"));
}

TEST(Response, AnOrdinaryPageGoesOnAtItsEnd) {
  const auto verdicts = judge(crs(), {.body = "<html><p>Hello</p></html>"});
  ASSERT_EQ(verdicts.size(), 2U);
  EXPECT_FALSE(verdicts[0].is_whole);
  EXPECT_TRUE(verdicts[1].allows());
  EXPECT_TRUE(verdicts[1].is_whole);
}

TEST(Response, OfATypeThatIsNotInspectedEachChunkGoesOnAtOnce) {
  for (const char* type : {"image/png", "text/event-stream", "application/octet-stream"}) {
    const auto verdicts = judge(crs(), {.type = type, .body = std::string(leak), .chunk = 10});
    for (const Verdict& verdict : verdicts) EXPECT_TRUE(verdict.allows() && verdict.is_whole) << type;
  }
}

TEST(Response, TheSpellingOfATypeHidesNothing) {
  for (const char* type : {"TEXT/HTML", "text/html;charset=utf-8", " text/html ; a=b", "application/json", ""})
    EXPECT_FALSE(judge(crs(), {.type = type, .body = std::string(leak)}).back().allows()) << type;
}

TEST(Response, ATypeThatABrowserDoesNotHonourHidesNothing) {
  for (const char* type : {"image/png, text/html", "text/html, image/png", "text/html,", ",text/html", ",", "*/*",
                           "unknown/unknown", "Application/Unknown", "html", "/", "text/", "te xt/html", "text/html/x",
                           "text/html\xA0", "\"text/html\"", "*/*; charset=utf-8"})
    EXPECT_FALSE(judge(crs(), {.type = type, .body = std::string(leak)}).back().allows()) << type;
  for (const char* type : {"image/png, text/css", "image/*"})
    EXPECT_TRUE(judge(crs(), {.type = type, .body = std::string(leak)}).back().allows()) << type;
}

TEST(Response, TypesAreThoseThatTheRulesName) {
  constexpr auto found = R"(SecRule RESPONSE_BODY "@contains leak" "id:1,phase:4,deny,status:403")";
  const auto named = rules_of(std::string("SecResponseBodyMimeType image/svg+xml\n") + found);
  EXPECT_FALSE(judge(named, {.type = "image/svg+xml", .body = "leak"}).back().allows());
  EXPECT_TRUE(judge(named, {.type = "text/html", .body = "leak"}).back().allows());
  const auto cleared =
      rules_of(std::string("SecResponseBodyMimeTypesClear\nSecResponseBodyMimeType text/css\n") + found);
  for (const char* type : {"text/css", "text/html", "image/png"})
    EXPECT_FALSE(judge(cleared, {.type = type, .body = "leak"}).back().allows());
  const auto off = rules_of(std::string("SecResponseBodyAccess Off\n") + found);
  EXPECT_TRUE(judge(off, {.type = "text/html", .body = "leak"}).front().is_whole);
  EXPECT_TRUE(judge(off, {.type = "text/html", .body = "leak"}).back().allows());
}

TEST(Response, WhereNoBodyIsAwaitedTheHeadIsJudgedWhole) {
  const auto rules = rules_of(R"(SecRule RESPONSE_STATUS "@streq 500" "id:1,phase:4,deny,status:403")");
  EXPECT_FALSE(judge(rules, {.status = 500, .plan = BodyPlan::withheld}).back().allows());
  EXPECT_FALSE(judge(rules, {.status = 500, .method = "HEAD"}).back().allows());
  EXPECT_FALSE(judge(rules, {.status = 500, .type = "image/png"}).back().allows());
  EXPECT_TRUE(judge(rules, {.status = 204}).front().is_whole);
  EXPECT_TRUE(judge(rules, {.status = 304}).front().is_whole);
  for (const auto& [length, has_none] : {std::pair{"0", true}, std::pair{"10", false}}) {
    const std::vector<wire::Header> fields{{"content-length", length}};
    EXPECT_EQ(has_no_body({.status = 200, .headers = wire::Headers(fields)}), has_none);
  }
}

TEST(Response, WhereItIsNotSaidWhetherABodyComesTheHeadIsNotHeldAndABodyIsJudged) {
  const auto verdicts = judge(crs(), {.body = std::string(leak), .plan = BodyPlan::unknown});
  EXPECT_TRUE(verdicts.front().is_whole);
  EXPECT_EQ(verdicts.back().status, 403);
}

TEST(Response, WhatIsOverTheLimitIsNeverJudgedAndNeverLetOn) {
  for (const char* action : {"Reject", "ProcessPartial"}) {
    const auto rules = rules_of(std::string("SecResponseBodyLimit 100\nSecResponseBodyLimitAction ") + action +
                                "\nSecRule RESPONSE_BODY \"@rx .\" \"id:1,phase:4,pass,log\"");
    const auto fits = judge(rules, {.body = std::string(100, 'a'), .chunk = 50});
    EXPECT_TRUE(fits.back().is_whole);
    EXPECT_TRUE(matched(fits.back(), "1"));
    const auto over = judge(rules, {.body = std::string(151, 'a'), .chunk = 50});
    ASSERT_EQ(over.size(), 5U);
    EXPECT_THAT(over[3].notes, ElementsAre(note_response_over_limit));
    for (const Verdict& verdict : over) {
      EXPECT_TRUE(verdict.allows());
      EXPECT_FALSE(verdict.is_whole);
      EXPECT_FALSE(matched(verdict, "1"));
    }
  }
}

TEST(Response, WhereNothingIsBlockedALargeOneIsNotHeldUp) {
  const auto rules = rules_of("SecResponseBodyLimit 100\n", true);
  const auto over = judge(rules, {.body = std::string(151, 'a'), .chunk = 50});
  EXPECT_THAT(over[3].notes, ElementsAre(note_response_over_limit));
  EXPECT_TRUE(over[3].is_whole);
  EXPECT_TRUE(over[4].is_whole);
}

TEST(Response, ARequestAndItsAnswerAreOneTransaction) {
  const auto rules = rules_of(R"(
SecRule ARGS:q "@streq secret" "id:1,phase:2,pass,nolog,setvar:tx.asked=1"
SecRule TX:asked "@eq 1" "id:2,phase:4,deny,status:403,chain"
SecRule RESPONSE_BODY "@contains secret" "t:none"
SecRule RESPONSE_BODY "@contains secret" "id:3,phase:5,pass,log"
)");
  for (const bool asks : {true, false}) {
    Transaction transaction(rules, nullptr);
    const RequestEvent request({.uri = asks ? "/?q=secret" : "/?q=other"});
    EXPECT_TRUE(expect_value(transaction.on_request_headers(request.event, BodyPlan::sent)).allows());
    EXPECT_TRUE(expect_value(transaction.on_response_headers({.status = 200}, BodyPlan::sent)).allows());
    EXPECT_EQ(expect_value(transaction.on_response_body_chunk(answer_chunk("a secret", true))).allows(), !asks);
    EXPECT_TRUE(transaction.on_complete());
  }
}

TEST(Response, TheEndIsLoggedWithTheBodyInSight) {
  const testing::Folder folder;
  auto log = RuleLog::open(folder.path("log"), [](std::string_view) {});
  ASSERT_TRUE(log);
  const auto rules = rules_of(R"(SecRule RESPONSE_BODY "@contains secret" "id:3,phase:5,pass,log")");
  EXPECT_TRUE(judge(rules, {.body = "a secret"}, &*log).back().allows());
  EXPECT_THAT(folder.read("log"), HasSubstr("[id \"3\"]"));
}

TEST(Response, AHeadThatIsBlockedIsBlockedForItsBodyToo) {
  const auto rules = rules_of(R"(SecRule RESPONSE_STATUS "@streq 500" "id:1,phase:3,deny,status:403")");
  Transaction transaction(rules, nullptr);
  EXPECT_EQ(expect_value(transaction.on_response_headers({.status = 500}, BodyPlan::sent)).status, 403);
  EXPECT_EQ(expect_value(transaction.on_response_body_chunk(answer_chunk("a", false))).status, 403);
}

TEST(Response, OfARequestThatGoesOnBehindItsAnswerNoPartIsJudgedAlone) {
  Transaction transaction(crs(), nullptr);
  const RequestEvent request(
      {.method = "POST", .headers = {{"Content-Type", testing::form}, {"Transfer-Encoding", "chunked"}}});
  EXPECT_TRUE(expect_value(transaction.on_request_headers(request.event, BodyPlan::sent)).allows());
  EXPECT_TRUE(expect_value(transaction.on_request_body_chunk(chunk_of("q=UNI", false))).allows());
  static_cast<void>(expect_value(transaction.on_response_headers({.status = 200}, BodyPlan::sent)));
  EXPECT_FALSE(transaction.on_request_body_chunk(chunk_of("ON SELECT password FROM users--", true)));
}

class ResponseDecisions : public ::testing::Test {
 protected:
  using Exchange = agent::kit::Exchange;
  static constexpr auto chunks = wire::EventKind::response_body_chunk;
  static bool needs_more(const agent::Decision& decision) {
    base::Arena arena;
    return decision.response({}, arena).needs_more;
  }
  static RuleSets& sets() {
    static const testing::Folder folder;
    static const auto one = std::move(
        *RuleSets::load(testing::engine(),
                        {.rules = {folder.write("r.conf",
                                                "SecResponseBodyLimit 100\n"
                                                "SecRule RESPONSE_BODY \"@contains leak\" \"id:1,phase:4,deny\"")}}));
    return *one;
  }
  const Exchange::HeaderList page_{{"content-type", "text/html"}};
  WafHandler handler_{sets(), nullptr, [](std::string_view) {}};
  Exchange exchange_{handler_, {wire::EventKind::request_headers, wire::EventKind::response_headers, chunks}};
};

TEST_F(ResponseDecisions, WhatIsNotJudgedYetIsHeld) {
  EXPECT_FALSE(needs_more(exchange_.get("/")));
  EXPECT_TRUE(needs_more(exchange_.response(200, page_)));
  EXPECT_TRUE(needs_more(exchange_.response_body("le", false)));
  EXPECT_EQ(exchange_.response_body("ak").block_status(), 403);
}

TEST_F(ResponseDecisions, TheEndOfOneThatIsTooLargeIsAFailureAtOnce) {
  static_cast<void>(exchange_.get("/"));
  static_cast<void>(exchange_.response(200, page_));
  const agent::Decision over = exchange_.response_body(std::string(101, 'a'), false);
  base::Arena arena;
  EXPECT_THAT(over.response({}, arena).audit.reason_codes, ElementsAre("response-body-over-limit"));
  EXPECT_TRUE(needs_more(exchange_.response_body("", true)));
}

TEST_F(ResponseDecisions, ABodyWithoutItsHeadIsBlocked) {
  EXPECT_EQ(exchange_.response_body("orphan").block_status(), 503);
}

}  // namespace
}  // namespace picket::apps::waf
