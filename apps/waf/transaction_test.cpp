#include "apps/waf/transaction.hpp"

#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/waf/base_rules.hpp"
#include "apps/waf/testing/exchange.hpp"

namespace picket::apps::waf {
namespace {

using testing::chunk_of;
using ::testing::Contains;
using testing::crs;
using ::testing::ElementsAre;
using testing::expect_value;
using testing::form;
using ::testing::HasSubstr;
using testing::inspect;
using ::testing::IsEmpty;
using testing::matched;
using testing::Request;
using testing::RequestEvent;
using testing::rules_of;
using testing::sql_injection;

TEST(Transaction, CleanRequestsAreAllowed) {
  const Request requests[] = {
      {},
      {.uri = "/search?q=garden+chairs&page=2"},
      {.method = "POST", .uri = "/login", .headers = {{"Content-Type", form}}, .body = "user=ann&remember=yes"},
      {.method = "POST", .headers = {{"Content-Type", "application/json"}}, .body = R"({"name":"Ann","age":41})"},
      {.method = "POST", .headers = {{"Content-Type", "application/xml"}}, .body = "<note><to>Ann</to></note>"},
      {.headers = {{"Content-Type", "application/xml"}}},
      {.headers = {{"Content-Type", "application/json"}}},
      {.headers = {{"Content-Type", "multipart/form-data; boundary=x"}}},
  };
  for (const Request& request : requests) {
    SCOPED_TRACE(request.method + " " + request.uri + " " + request.body);
    const Verdict verdict = inspect(crs(), request);
    EXPECT_TRUE(verdict.allows());
    EXPECT_THAT(testing::ids(verdict), IsEmpty());
  }
}

TEST(Transaction, AttacksAreBlockedWhereverTheyHide) {
  const std::string multipart =
      "--b\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\n1' OR '1'='1' UNION SELECT a FROM b--\r\n--b--\r\n";
  const struct {
    const char* name;
    Request request;
    const char* rule;
  } cases[] = {
      {"query", {.uri = "/?id=1%27%20OR%20%271%27=%271%27%20UNION%20SELECT%20password%20FROM%20users--"}, "942100"},
      {"form",
       {.method = "POST", .headers = {{"Content-Type", form}}, .body = std::string("q=") + sql_injection},
       "942100"},
      {"json",
       {.method = "POST",
        .headers = {{"Content-Type", "application/json; charset=utf-8"}},
        .body = std::string(R"({"a":{"b":["x",")") + sql_injection + "\"]}}"},
       "942100"},
      {"xml",
       {.method = "POST",
        .headers = {{"Content-Type", "text/xml"}},
        .body = std::string("<a><b>") + sql_injection + "</b></a>"},
       "942100"},
      {"multipart",
       {.method = "POST", .headers = {{"Content-Type", "multipart/form-data; boundary=b"}}, .body = multipart},
       "942100"},
      {"header", {.headers = {{"Referer", "http://x/<script>alert(1)</script>"}}}, "941110"},
      {"path", {.uri = "/../../../../etc/passwd"}, "930100"},
      {"shellshock", {.headers = {{"User-Agent", "() { :; }; /bin/cat /etc/passwd"}}}, "932170"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.name);
    const Verdict verdict = inspect(crs(), test.request);
    EXPECT_EQ(verdict.action, Verdict::Action::block);
    EXPECT_EQ(verdict.status, 403);
    EXPECT_THAT(testing::ids(verdict), Contains(test.rule));
    EXPECT_THAT(testing::ids(verdict), Contains("949110"));
  }
}

TEST(Transaction, MatchesCarryMessageAndTags) {
  const Verdict verdict = inspect(crs(), {.uri = "/?q=<script>alert(1)</script>"});
  const auto match = std::find_if(verdict.matches.begin(), verdict.matches.end(),
                                  [](const RuleMatch& candidate) { return candidate.id == "941100"; });
  ASSERT_NE(match, verdict.matches.end());
  EXPECT_THAT(match->message, HasSubstr("XSS"));
  EXPECT_THAT(match->tags, Contains("attack-xss"));
}

TEST(Transaction, AnAttackSplitOverChunksIsSeenWhole) {
  const std::string body = std::string("pad=") + std::string(500, 'a') + "&q=" + sql_injection;
  for (const std::size_t size : {1UL, 7UL, 100UL, 511UL}) {
    SCOPED_TRACE(size);
    EXPECT_FALSE(
        inspect(crs(), {.method = "POST", .headers = {{"Content-Type", form}}, .body = body, .chunk = size}).allows());
  }
}

TEST(Transaction, TheVerdictOnABodyWaitsForItsLastChunk) {
  Transaction transaction(crs(), nullptr);
  const Request request{
      .method = "POST", .headers = {{"Content-Type", form}}, .body = std::string("q=") + sql_injection};
  const RequestEvent head(request);
  EXPECT_TRUE(expect_value(transaction.on_request_headers(head.event, BodyPlan::sent)).allows());
  EXPECT_TRUE(expect_value(transaction.on_request_body_chunk(chunk_of(request.body, false))).allows());
  EXPECT_FALSE(expect_value(transaction.on_request_body_chunk(chunk_of("", true))).allows());
}

TEST(Transaction, ABlockedExchangeStaysBlocked) {
  Transaction transaction(crs(), nullptr);
  const Request request{.method = "POST", .uri = "/?q=<script>alert(1)</script>"};
  const RequestEvent head(request);
  EXPECT_FALSE(expect_value(transaction.on_request_headers(head.event, BodyPlan::sent)).allows());
  const Verdict later = expect_value(transaction.on_request_body_chunk(chunk_of("a=b", true)));
  EXPECT_EQ(later.status, 403);
  EXPECT_THAT(later.matches, IsEmpty());
  EXPECT_EQ(expect_value(transaction.on_response_headers({.status = 200})).status, 403);
}

TEST(Transaction, PhaseTwoRunsOnTheHeadersWhenNoBodyComes) {
  const auto rules = rules_of(R"(SecRule REQUEST_URI "@contains evil" "id:1,phase:2,deny,log")");
  const Request bodiless{.uri = "/evil"};
  Request zero_length = bodiless;
  zero_length.headers = {{"Content-Length", "0"}};
  Request withheld{.method = "POST", .uri = "/evil", .headers = {{"Content-Type", "multipart/form-data; boundary=x"}}};
  withheld.headers.emplace_back("Content-Length", "5");
  for (const auto& [request, plan] : {std::pair{bodiless, BodyPlan::sent},
                                      {zero_length, BodyPlan::sent},
                                      {withheld, BodyPlan::withheld},
                                      {withheld, BodyPlan::unknown}}) {
    Transaction transaction(rules, nullptr);
    const RequestEvent head(request);
    EXPECT_FALSE(expect_value(transaction.on_request_headers(head.event, plan)).allows());
  }
  Transaction waiting(rules, nullptr);
  const RequestEvent head(withheld);
  EXPECT_TRUE(expect_value(waiting.on_request_headers(head.event, BodyPlan::sent)).allows());
}

TEST(Transaction, AWithheldBodyIsNotTakenForAMalformedOne) {
  for (const char* type : {"multipart/form-data; boundary=x", "application/xml", "application/json", form}) {
    SCOPED_TRACE(type);
    const Request request{
        .method = "POST", .headers = {{"Content-Type", type}, {"Content-Length", "5"}}, .plan = BodyPlan::withheld};
    EXPECT_TRUE(inspect(rules_of(""), request).allows());
  }
}

TEST(Transaction, AnUnannouncedBodyIsInspectedAndCountedOnce) {
  const auto rules = rules_of(R"(
SecRule REQUEST_URI "@contains /p" "id:1,phase:1,pass,log,setvar:tx.score=+1"
SecRule REQUEST_URI "@contains /p" "id:2,phase:2,pass,log,setvar:tx.score=+1"
SecRule ARGS_POST:q "@streq evil" "id:3,phase:2,pass,log,setvar:tx.score=+1"
SecRule TX:SCORE "@gt 3" "id:4,phase:2,deny,status:500,log"
SecRule TX:SCORE "@eq 3" "id:5,phase:2,deny,status:403,log")");
  Transaction transaction(rules, nullptr);
  const Request request{.method = "POST", .uri = "/p", .headers = {{"Content-Type", form}}};
  {
    const RequestEvent head(request);
    EXPECT_THAT(testing::ids(expect_value(transaction.on_request_headers(head.event, BodyPlan::sent))),
                ElementsAre("1", "2"));
  }
  EXPECT_TRUE(expect_value(transaction.on_request_body_chunk(chunk_of("q=ev", false))).allows());
  const Verdict verdict = expect_value(transaction.on_request_body_chunk(chunk_of("il", true)));
  EXPECT_EQ(verdict.status, 403);
  EXPECT_THAT(testing::ids(verdict), ElementsAre("2", "3", "5"));
}

TEST(Transaction, ABodyThatMayOrMayNotComeIsInspectedWhenItComes) {
  const Request request{.method = "POST",
                        .headers = {{"Content-Type", form}},
                        .body = std::string("q=") + sql_injection,
                        .chunk = 9,
                        .plan = BodyPlan::unknown};
  EXPECT_TRUE(matched(inspect(crs(), request), "942100"));
}

TEST(Transaction, AnEmptyLastChunkAfterABodilessHeadChangesNothing) {
  Transaction transaction(crs(), nullptr);
  const RequestEvent head(Request{});
  EXPECT_TRUE(expect_value(transaction.on_request_headers(head.event, BodyPlan::sent)).allows());
  EXPECT_TRUE(expect_value(transaction.on_request_body_chunk(chunk_of("", true))).allows());
}

TEST(Transaction, ABodyBeforeItsHeadIsAnError) {
  Transaction transaction(crs(), nullptr);
  const auto result = transaction.on_request_body_chunk(chunk_of("a", true));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), base::ErrorKind::invalid_message);
}

TEST(Transaction, WhatStandsBehindAnEscapedQuestionMarkIsSeen) {
  for (const char* const uri :
       {"/users%3f/<script>alert(1)</script>", "/%3f/.git/config", "/%3F/.git/config?a=b", "/a%3f/x.bak", "/x.bak%3f/a",
        "/%3f/%2e%2e/%2e%2e/etc/passwd", "/a%3f?q=<script>alert(1)</script>"}) {
    SCOPED_TRACE(uri);
    EXPECT_FALSE(inspect(crs(), {.uri = uri}).allows());
  }
  for (const char* const uri : {"/wiki/What_is_this%3F", "/wiki/What%3f?action=edit"}) {
    SCOPED_TRACE(uri);
    EXPECT_TRUE(inspect(crs(), {.uri = uri}).allows());
  }
  const auto own = rules_of(R"(
SecRule REQUEST_FILENAME "@streq /a?/b" "id:1,phase:1,pass,log"
SecRule REQUEST_FILENAME "@streq /a" "id:2,phase:1,pass,log"
SecRule REQUEST_BASENAME "@streq b" "id:3,phase:2,pass,log"
SecRule PATH_INFO "@endsWith b" "id:4,phase:2,pass,log"
SecRule QUERY_STRING "@streq c=d" "id:5,phase:2,pass,log"
SecRule REQUEST_URI "@streq /a?/b?c=d" "id:6,phase:2,pass,log"
SecRule ARGS_GET:c "@streq d" "id:7,phase:2,deny,log,status:418")");
  const Verdict verdict = inspect(own, {.uri = "/a%3f/b?c=d"});
  EXPECT_EQ(verdict.status, 418);
  EXPECT_THAT(testing::ids(verdict), ::testing::IsSupersetOf({"1", "3", "4", "5", "6", "7"}));
  const auto cut = rules_of(R"(
SecRule REQUEST_FILENAME "@streq /a" "id:2,phase:1,pass,log"
SecRule ARGS_POST:e "@streq f" "id:3,phase:2,pass,log"
SecRule REQUEST_BASENAME "@streq a" "id:8,phase:2,deny,log,status:419")");
  const Verdict beside = inspect(
      cut, {.method = "POST", .uri = "/a%3f/b?c=d", .headers = {{"Content-Type", form}}, .body = "e=f", .chunk = 2});
  EXPECT_EQ(beside.status, 419);
  EXPECT_THAT(testing::ids(beside), ::testing::IsSupersetOf({"2", "3", "8"}));
}

TEST(Transaction, TooManyArgumentsAreRefused) {
  std::string query = "/?a=1";
  for (int i = 0; i < 1000; ++i) query += "&a=1";
  EXPECT_TRUE(matched(inspect(rules_of(""), {.uri = query}), "99000013"));
}

TEST(Transaction, TooManyCookiesOrFieldsAreRefused) {
  std::string cookies = "a=b";
  for (int i = 0; i < 200; ++i) cookies += "; a=b";
  EXPECT_EQ(inspect(rules_of(""), {.headers = {{"Cookie", cookies}}}).status, 400);
  EXPECT_TRUE(inspect(rules_of(""), {.headers = {{"Cookie", cookies.substr(5)}}}).allows());
  EXPECT_EQ(inspect(rules_of(""), {.headers = {300, {"X-A", "b"}}}).status, 431);
  EXPECT_TRUE(inspect(rules_of(""), {.headers = {200, {"X-A", "b"}}}).allows());
  EXPECT_EQ(inspect(rules_of(""), {.headers = {{"X-A", std::string(max_head_size, 'a')}}}).status, 431);
}

TEST(Transaction, ANulInTheRequestLineHidesNothing) {
  const Request request{.uri = std::string("/a\0?q=evil", 10)};
  const Verdict verdict = inspect(crs(), request);
  EXPECT_EQ(verdict.status, 400);
  EXPECT_THAT(verdict.notes, ElementsAre(note_nul_in_request_line));
  const Verdict reported = inspect(rules_of("", true), request);
  EXPECT_TRUE(reported.allows());
  EXPECT_THAT(reported.notes, ElementsAre(note_nul_in_request_line));
}

TEST(Transaction, MetadataReachesTheRulesAsItIs) {
  const auto rules = rules_of(R"(
SecRule REMOTE_ADDR "@streq 2001:db8::1" "id:1,phase:1,pass,log"
SecRule REMOTE_PORT "@eq 51000" "id:2,phase:1,pass,log"
SecRule SERVER_NAME "@streq shop.test" "id:3,phase:1,pass,log"
SecRule REQUEST_PROTOCOL "@streq HTTP/2" "id:4,phase:1,pass,log"
SecRule REQUEST_METHOD "@streq PURGE" "id:5,phase:1,pass,log"
SecRule REQUEST_URI_RAW "@streq /a%20b?c=%64" "id:6,phase:1,pass,log"
SecRule REQUEST_LINE "@streq PURGE /a%20b?c=%64 HTTP/2" "id:7,phase:1,pass,log"
SecRule REQUEST_HEADERS:X-Twice "@rx ^(?:one|two)$" "id:8,phase:1,pass,log,chain"
SecRule &REQUEST_HEADERS:X-Twice "@eq 2" "t:none"
SecRule REQUEST_HEADERS:X-Bytes "@rx ^a\xff$" "id:9,phase:1,pass,log"
)");
  const Request request{.method = "PURGE",
                        .uri = "/a%20b?c=%64",
                        .headers = {{"x-twice", "one"}, {"X-Twice", "two"}, {"X-Bytes", "a\xff"}}};
  RequestEvent head(request);
  head.event.metadata.client_ip = "2001:db8::1";
  head.event.metadata.client_port = 51000;
  head.event.metadata.server_name = "shop.test";
  head.event.metadata.protocol = "HTTP/2";
  Transaction transaction(rules, nullptr);
  const Verdict verdict = expect_value(transaction.on_request_headers(head.event, BodyPlan::sent));
  EXPECT_THAT(testing::ids(verdict), ::testing::IsSupersetOf({"1", "2", "3", "4", "5", "6", "7", "8", "9"}));
}

TEST(Transaction, WithoutAServerNameTheHostHeaderSaysIt) {
  const auto rules = rules_of(R"(SecRule SERVER_NAME "@streq example.test" "id:1,phase:1,pass,log")");
  EXPECT_TRUE(matched(inspect(rules, {}), "1"));
}

TEST(Transaction, AnEmptyHostOrCredentialIsNoTrouble) {
  EXPECT_TRUE(
      inspect(rules_of(""), {.headers = {{"Host", ""}, {"Authorization", ""}, {"Cookie", ""}, {"", ""}}}).allows());
}

TEST(Transaction, RulesMayRedirect) {
  const auto rules = rules_of(R"(
SecRule REQUEST_URI "@streq /old" "id:1,phase:1,log,status:301,redirect:'https://example.test/new'"
SecRule REQUEST_URI "@streq /odd" "id:2,phase:1,log,status:999,redirect:'/x'"
SecRule REQUEST_URI "@streq /no" "id:3,phase:1,log,status:999,deny")");
  const Verdict moved = inspect(rules, {.uri = "/old"});
  EXPECT_EQ(moved.action, Verdict::Action::redirect);
  EXPECT_EQ(moved.url, "https://example.test/new");
  EXPECT_EQ(moved.status, 301);
  EXPECT_EQ(inspect(rules, {.uri = "/odd"}).status, 302);
  EXPECT_EQ(inspect(rules, {.uri = "/no"}).status, 403);
}

TEST(Transaction, ResponseHeadersAreJudged) {
  const auto rules = rules_of(R"(
SecRule RESPONSE_STATUS "@eq 500" "id:1,phase:3,deny,log,status:502"
SecRule RESPONSE_HEADERS:X-Secret "@rx ." "id:2,phase:3,deny,log"
SecRule RESPONSE_PROTOCOL "!@streq HTTP/1.1" "id:3,phase:3,deny,log")");
  const wire::Header secret[] = {{"X-Secret", "key"}};
  const struct {
    wire::ResponseHeaders response;
    int status;
  } cases[] = {{{.status = 200}, 0}, {{.status = 500}, 502}, {{.status = 200, .headers = wire::Headers(secret)}, 403}};
  for (const auto& test : cases) {
    Transaction transaction(rules, nullptr);
    const RequestEvent head(Request{});
    EXPECT_TRUE(expect_value(transaction.on_request_headers(head.event, BodyPlan::sent)).allows());
    EXPECT_EQ(expect_value(transaction.on_response_headers(test.response)).status, test.status);
  }
}

TEST(Transaction, ABodyThatNeverCameIsJudgedBeforeTheResponse) {
  const auto rules = rules_of(R"(SecRule REQUEST_URI "@contains evil" "id:1,phase:2,deny,log")");
  Transaction transaction(rules, nullptr);
  const RequestEvent head(Request{.method = "POST", .uri = "/evil", .headers = {{"Content-Length", "5"}}});
  EXPECT_TRUE(expect_value(transaction.on_request_headers(head.event, BodyPlan::sent)).allows());
  EXPECT_FALSE(expect_value(transaction.on_response_headers({.status = 200})).allows());
}

TEST(Transaction, ThreadsShareOneRuleSet) {
  constexpr int threads = 4;
  constexpr int rounds = 20;
  std::atomic<int> wrong{0};
  std::vector<std::jthread> workers;
  for (int worker = 0; worker < threads; ++worker) {
    workers.emplace_back([&, worker] {
      for (int round = 0; round < rounds; ++round) {
        const bool attack = (worker + round) % 2 == 0;
        const Request request{.method = "POST",
                              .headers = {{"Content-Type", "application/json"}},
                              .body = attack ? std::string(R"({"q":")") + sql_injection + "\"}" : R"({"q":"chairs"})"};
        if (inspect(crs(), request).allows() == attack) ++wrong;
      }
    });
  }
  workers.clear();
  EXPECT_EQ(wrong, 0);
}

TEST(Transaction, ThreadsShareWhatRulesKeepBetweenExchanges) {
  const auto rules = rules_of(R"(
SecAction "id:1,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR}_%{REQUEST_URI},initcol:global=all,setvar:ip.seen=+1"
SecAction "id:2,phase:1,pass,nolog,setvar:global.seen=+1"
SecRule IP:SEEN|GLOBAL:SEEN|IP|GLOBAL:/^s/ "@eq -1" "id:3,phase:2,deny,log"
SecAction "id:4,phase:2,pass,nolog,setvar:!global.seen")");
  std::atomic<int> refused{0};
  {
    std::vector<std::jthread> workers;
    for (int worker = 0; worker < 4; ++worker)
      workers.emplace_back([&, worker] {
        for (int round = 0; round < 500; ++round)
          if (!inspect(rules, {.uri = "/" + std::to_string(worker) + "/" + std::to_string(round)}).allows()) ++refused;
      });
  }
  EXPECT_EQ(refused, 0);
}

TEST(Transaction, DeclaredBodiesAreRecognised) {
  const struct {
    const char* name;
    const char* value;
    bool declares;
  } cases[] = {{"Content-Length", "0", false},         {"content-length", "00", false},
               {"Content-Length", "12", true},         {"Content-Length", "x", true},
               {"Transfer-Encoding", "chunked", true}, {"Content-Type", "text/plain", false}};
  for (const auto& test : cases) {
    SCOPED_TRACE(std::string(test.name) + ": " + test.value);
    const wire::Header fields[] = {{test.name, test.value}};
    EXPECT_EQ(declares_body(wire::Headers(fields)), test.declares);
  }
  EXPECT_FALSE(declares_body({}));
}

}  // namespace
}  // namespace picket::apps::waf
