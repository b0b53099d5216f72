#include "picket/inspection/answer.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picket/inspection/operations.hpp"

namespace picket::inspection {
namespace {

using namespace std::string_view_literals;
using base::Header;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = base::HeaderOp::Kind;

std::vector<Header> fields(const Answer& answer) {
  return {answer.fields.items().begin(), answer.fields.items().end()};
}

class Answers : public ::testing::Test {
 protected:
  Answer of(const wire::Decision& decision) { return answer_for({.decision = decision}, arena_).value(); }
  base::Arena arena_;
};

TEST_F(Answers, AllowHasNone) { EXPECT_FALSE(answer_for(wire::AgentResponse{}, arena_)); }

TEST_F(Answers, ABlockIsItsStatusBodyAndHeaders) {
  const std::vector<wire::TextPair> headers{{"content-type", "text/html"}, {"retry-after", "3"}};
  const Answer answer = of(wire::Block{.status = 429, .body = "<p>", .headers = wire::TextMap{headers}});
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.body, "<p>");
  EXPECT_THAT(fields(answer), ElementsAre(Header{"content-type", "text/html"}, Header{"retry-after", "3"}));
}

TEST_F(Answers, ABlocksBodyIsPlainTextUnlessItSaysOtherwise) {
  EXPECT_THAT(fields(of(wire::Block{.body = "no"})), ElementsAre(Header{"content-type", "text/plain; charset=utf-8"}));
  const Answer bare = of(wire::Block{});
  EXPECT_EQ(bare.status, 403);
  EXPECT_THAT(fields(bare), IsEmpty());
  EXPECT_EQ(bare.body, "");
}

TEST_F(Answers, ARedirectIsItsStatusAndLocation) {
  const Answer answer = of(wire::Redirect{.url = "https://login.test/?next=%2F", .status = 307});
  EXPECT_EQ(answer.status, 307);
  EXPECT_THAT(fields(answer), ElementsAre(Header{"location", "https://login.test/?next=%2F"}));
}

TEST_F(Answers, TheChallengesOfHttpAre401WithWwwAuthenticate) {
  const std::vector<wire::TextPair> params{{"realm", "the \"app\" \\ x"}, {"error", "invalid_token"}};
  const auto challenge = [&](std::string_view type, wire::TextMap with) {
    const Answer answer = of(wire::Challenge{.challenge_type = type, .params = with});
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(answer.fields.size(), 1U);
    EXPECT_EQ(answer.fields.items()[0].name, "www-authenticate");
    return std::string{answer.fields.items()[0].value};
  };
  EXPECT_EQ(challenge("basic", {}), "Basic");
  EXPECT_EQ(challenge("BEARER", params), R"(Bearer realm="the \"app\" \\ x", error="invalid_token")");
  EXPECT_EQ(challenge("digest", std::span{params}.last(1)), R"(Digest error="invalid_token")");
}

TEST_F(Answers, AnyOtherChallengeIs403WithItsParametersAsHeaders) {
  const std::vector<wire::TextPair> params{{"site-key", "abc"}, {"action", "login"}};
  const Answer answer = of(wire::Challenge{.challenge_type = "captcha", .params = params});
  EXPECT_EQ(answer.status, 403);
  EXPECT_THAT(fields(answer), ElementsAre(Header{"x-challenge-type", "captcha"}, Header{"x-challenge-site-key", "abc"},
                                          Header{"x-challenge-action", "login"}));
}

TEST_F(Answers, AnAnswerOutlivesTheDecisionItWasMadeOf) {
  std::optional<Answer> answer;
  {
    std::string body(200, 'b');
    answer = answer_for({.decision = wire::Block{.body = body}}, arena_);
    body.assign(body.size(), '?');
  }
  EXPECT_EQ(answer->body, std::string(200, 'b'));
}

TEST_F(Answers, OperationsOnTheResponseApplyToWhateverTheDecisionMakes) {
  const std::vector<base::HeaderOp> ops{{Kind::add, "set-cookie", "a=1"},
                                        {Kind::add, "set-cookie", "b=2"},
                                        {Kind::set, "www-authenticate", "Negotiate"},
                                        {Kind::remove, "content-type", ""}};
  const std::vector<Header> expected{{"set-cookie", "a=1"}, {"set-cookie", "b=2"}, {"www-authenticate", "Negotiate"}};
  const auto with = [&](const wire::Decision& decision) {
    return fields(answer_for({.decision = decision, .response_headers = ops}, arena_).value());
  };
  EXPECT_EQ(with(wire::Block{.status = 401, .body = "no"}), expected);
  EXPECT_EQ(with(wire::Challenge{.challenge_type = "basic"}), expected);
  EXPECT_THAT(with(wire::Redirect{.url = "/in"}),
              ElementsAre(Header{"location", "/in"}, expected[0], expected[1], expected[2]));
}

// ---- what cannot be applied

bool applies(const wire::AgentResponse& response, const Question& question = {}) {
  const auto status = check(response, question);
  if (!status) EXPECT_EQ(status.error().kind(), base::ErrorKind::invalid_message);
  return status.has_value();
}
bool applies(const wire::Decision& decision) { return applies(wire::AgentResponse{.decision = decision}); }

/// Whether an operation, a block's header and a challenge's parameter may be this.
bool operation_applies(std::string_view name, std::string_view value) {
  const base::HeaderOp op{Kind::set, name, value};
  const wire::TextPair pair{name, value};
  const bool on_request = applies(wire::AgentResponse{.request_headers = std::span{&op, 1}});
  EXPECT_EQ(applies(wire::AgentResponse{.response_headers = std::span{&op, 1}}), on_request) << name;
  EXPECT_EQ(applies(wire::Block{.headers = wire::TextMap{&pair, 1}}), on_request) << name;
  return on_request;
}

TEST(Check, OrdinaryOperationsApply) {
  EXPECT_TRUE(operation_applies("x-user", "alice"));
  EXPECT_TRUE(operation_applies("X-Empty", ""));
  EXPECT_TRUE(operation_applies("x-tab", "a\tb"));
  EXPECT_TRUE(operation_applies("x-bytes", "\xff"));
  EXPECT_TRUE(operation_applies("set-cookie", "a=b; Path=/"));
}

TEST(Check, ValuesThatWouldBeginAnotherLineDoNotApply) {
  for (const auto value : {"a\r\nx: y"sv, "a\nb"sv, "a\rb"sv, "a\0b"sv, "\x01"sv, "\x7f"sv})
    EXPECT_FALSE(operation_applies("x-a", value)) << ::testing::PrintToString(std::string{value});
}

TEST(Check, NamesThatAreNoneDoNotApply) {
  for (const auto name : {""sv, "a b"sv, "a:"sv, "a\r\n"sv, "a\0"sv, "\xc3\xa4"sv, "a\nb"sv})
    EXPECT_FALSE(operation_applies(name, "v")) << ::testing::PrintToString(std::string{name});
}

TEST(Check, FramingHopByHopAndHostAreNotAnAgents) {
  for (const auto name :
       {"content-length", "Content-Length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade",
        "proxy-connection", "proxy-authenticate", "proxy-authorization", "expect", "host", "HOST"}) {
    EXPECT_FALSE(operation_applies(name, "v")) << name;
    const base::HeaderOp remove{Kind::remove, name, ""};
    EXPECT_FALSE(applies(wire::AgentResponse{.request_headers = std::span{&remove, 1}})) << name;
  }
}

TEST(Check, OneBadOperationAmongGoodOnesSpoilsTheAnswer) {
  const std::vector<base::HeaderOp> ops{{Kind::set, "x-a", "1"}, {Kind::add, "x-b", "2\r\n"}, {Kind::set, "x-c", "3"}};
  EXPECT_FALSE(applies(wire::AgentResponse{.request_headers = ops}));
}

TEST(Check, AnAnswerMakesSoManyFieldsAndNoMore) {
  const base::HeaderOp op{Kind::set, "x", "v"};
  const std::vector<base::HeaderOp> most(most_operations, op);
  const std::vector<base::HeaderOp> one{op};
  const std::vector<wire::TextPair> pairs(most_operations + 1, wire::TextPair{"x", "v"});
  EXPECT_TRUE(applies(wire::AgentResponse{.request_headers = most}));
  EXPECT_FALSE(applies(wire::AgentResponse{.request_headers = most, .response_headers = one}));
  EXPECT_FALSE(applies(wire::Block{.headers = wire::TextMap{pairs}}));
  EXPECT_FALSE(applies(wire::Challenge{.challenge_type = "captcha", .params = pairs}));
}

TEST(Check, AnAnswersFieldsHaveSoManyBytesAndNoMore) {
  const std::string value(most_operation_bytes - 1, 'v');
  const std::string longer = value + "vv";
  const base::HeaderOp large{Kind::set, "x", value};
  const base::HeaderOp too_large{Kind::set, "x", longer};
  EXPECT_TRUE(applies(wire::AgentResponse{.request_headers = std::span{&large, 1}}));
  EXPECT_FALSE(applies(wire::AgentResponse{.response_headers = std::span{&too_large, 1}}));
  EXPECT_FALSE(applies(wire::Redirect{.url = longer}));
}

TEST(Check, StatusesAreFinalOnes) {
  for (const std::uint16_t status : {200, 403, 451, 599}) {
    EXPECT_TRUE(applies(wire::Block{.status = status})) << status;
    EXPECT_FALSE(applies(wire::Redirect{.url = "/", .status = status})) << status;
  }
  for (const std::uint16_t status : {301, 302, 303, 307, 308})
    EXPECT_TRUE(applies(wire::Redirect{.url = "/", .status = status})) << status;
  for (const std::uint16_t status : {300, 304, 305, 306, 309})
    EXPECT_FALSE(applies(wire::Redirect{.url = "/", .status = status})) << status;
  for (const std::uint16_t status : {0, 99, 100, 101, 199, 600, 999, 65535}) {
    EXPECT_FALSE(applies(wire::Block{.status = status})) << status;
    EXPECT_FALSE(applies(wire::Redirect{.url = "/", .status = status})) << status;
  }
}

TEST(Check, AnotherVersionIsAnotherProtocol) {
  for (const std::uint32_t version : {0U, 1U, 3U, 0xFFFFFFFFU})
    EXPECT_FALSE(applies(wire::AgentResponse{.version = version})) << version;
}

/// Whether the answer to chunk 1 of two may say that of the body.
bool mutation_applies(const wire::BodyMutation& mutation, std::uint64_t max_body_size = 10) {
  body::AgentStage body{{.largest_chunk = 5}};
  body.feed({base::SharedBytes::borrowed(base::as_bytes("1234567890")), true});
  EXPECT_TRUE(body.next() && body.next());
  body.allow(false);
  return applies({.request_body_mutation = mutation}, {.kind = wire::EventKind::request_body_chunk,
                                                       .body = &body,
                                                       .chunk = 1,
                                                       .is_last = true,
                                                       .max_body_size = max_body_size});
}

TEST(Check, MutationsNameTheChunkThatIsAnsweredOrAnEarlierOne) {
  const auto data = base::as_bytes("x");
  EXPECT_TRUE(mutation_applies({.data = data, .chunk_index = 0}));
  EXPECT_TRUE(mutation_applies({.data = data, .chunk_index = 1}));
  EXPECT_FALSE(mutation_applies({.data = data, .chunk_index = 2}));
  EXPECT_FALSE(mutation_applies({.data = base::ByteView{}, .chunk_index = 7}));
  EXPECT_TRUE(mutation_applies({.data = {}, .chunk_index = 7})) << "it changes nothing";
}

TEST(Check, AChunkThatHasGoneOnCannotBeChanged) {
  body::AgentStage body{{.gathers = 0, .largest_chunk = 5}};
  body.feed({base::SharedBytes::borrowed(base::as_bytes("1234567890"))});
  EXPECT_TRUE(body.next() && body.next());
  body.allow(false);
  const Question of_chunk{.kind = wire::EventKind::request_body_chunk, .body = &body, .chunk = 1, .max_body_size = 100};
  for (const std::uint32_t chunk : {0U, 1U}) {
    const wire::BodyMutation mutation{.data = base::as_bytes("x"), .chunk_index = chunk};
    EXPECT_EQ(applies({.request_body_mutation = mutation}, of_chunk), chunk == 1) << chunk;
  }
}

TEST(Check, MutationsMakeNoBodyThatIsTooLong) {
  EXPECT_TRUE(mutation_applies({.data = base::as_bytes("abcde")}));
  EXPECT_FALSE(mutation_applies({.data = base::as_bytes("abcdef")}));
  EXPECT_TRUE(mutation_applies({.data = base::as_bytes("abcdef")}, 11));
}

TEST(Check, MutationsCountInAnswersToChunksOfTheirDirectionOnly) {
  const wire::BodyMutation mutation{.data = base::as_bytes("x")};
  for (const auto kind : {wire::EventKind::request_headers, wire::EventKind::response_headers}) {
    EXPECT_FALSE(applies({.request_body_mutation = mutation}, {.kind = kind}));
    EXPECT_FALSE(applies({.response_body_mutation = mutation}, {.kind = kind}));
    EXPECT_TRUE(applies({.request_body_mutation = wire::BodyMutation{}}, {.kind = kind})) << "it changes nothing";
  }
  body::AgentStage body{{}};
  body.feed({base::SharedBytes::borrowed(base::as_bytes("12345")), true});
  EXPECT_TRUE(body.next());
  for (const bool of_request : {true, false}) {
    const wire::AgentResponse right = of_request ? wire::AgentResponse{.request_body_mutation = mutation}
                                                 : wire::AgentResponse{.response_body_mutation = mutation};
    const wire::AgentResponse wrong = of_request ? wire::AgentResponse{.response_body_mutation = mutation}
                                                 : wire::AgentResponse{.request_body_mutation = mutation};
    Question of_chunk{.kind = of_request ? wire::EventKind::request_body_chunk : wire::EventKind::response_body_chunk,
                      .body = &body,
                      .max_body_size = 10};
    EXPECT_TRUE(applies(right, of_chunk));
    EXPECT_FALSE(applies(wrong, of_chunk));
    of_chunk.body = nullptr;
    EXPECT_FALSE(applies(right, of_chunk)) << "the body goes past the agent";
  }
}

TEST(Check, NothingReleasesABodyThatNeedsMoreBehindItsLastChunk) {
  const wire::AgentResponse response{.needs_more = true};
  EXPECT_TRUE(applies(response, {.kind = wire::EventKind::request_headers}));
  EXPECT_TRUE(applies(response, {.kind = wire::EventKind::request_body_chunk}));
  for (const auto kind : {wire::EventKind::request_body_chunk, wire::EventKind::response_body_chunk})
    EXPECT_FALSE(applies(response, {.kind = kind, .is_last = true}));
}

TEST(Check, TextsAndFramesAreJudgedAsTheyAre) {
  const wire::AgentResponse response{.needs_more = true};
  for (const auto kind : {wire::EventKind::guardrail_inspect, wire::EventKind::websocket_frame})
    EXPECT_FALSE(applies(response, {.kind = kind}));
}

TEST(Check, TheRequestCannotBeChangedOnceItIsAnswered) {
  const base::HeaderOp op{Kind::set, "x-a", "1"};
  const wire::AgentResponse response{.request_headers = std::span{&op, 1}};
  EXPECT_TRUE(applies(response, {.kind = wire::EventKind::request_body_chunk}));
  for (const auto kind : {wire::EventKind::response_headers, wire::EventKind::response_body_chunk})
    EXPECT_FALSE(applies(response, {.kind = kind}));
}

TEST(Check, FramesAreDecidedInAnswersToFrames) {
  EXPECT_TRUE(applies(wire::AgentResponse{.websocket_decision = wire::WebSocketVerdict::allow}));
  EXPECT_FALSE(applies(wire::AgentResponse{.websocket_decision = wire::WebSocketVerdict::drop}));
  EXPECT_FALSE(applies(wire::AgentResponse{.websocket_decision = wire::WebSocketClose{}}));
}

TEST(Check, ABlockIsABlockWhateverStandsBesideIt) {
  const wire::AgentResponse response{.decision = wire::Block{},
                                     .needs_more = true,
                                     .request_body_mutation = wire::BodyMutation{.data = base::as_bytes("x")}};
  EXPECT_TRUE(applies(response, {.kind = wire::EventKind::request_body_chunk, .is_last = true}));
}

TEST(Check, RedirectsGoToOneLine) {
  EXPECT_TRUE(applies(wire::Redirect{.url = "https://a.test/?b=c#d"}));
  for (const auto url :
       {""sv, "/a\r\nset-cookie: x"sv, "/a\nb"sv, "/\0"sv, "/a b"sv, " /a"sv, "/a "sv, "/a\tb"sv, "/\x7f"sv})
    EXPECT_FALSE(applies(wire::Redirect{.url = url})) << ::testing::PrintToString(std::string{url});
}

TEST(Check, ChallengesAreTokensWithParametersOfOneLine) {
  const auto challenge = [](std::string_view type, std::string_view key, std::string_view value) {
    const wire::TextPair param{key, value};
    return applies(wire::Challenge{.challenge_type = type, .params = std::span{&param, 1}});
  };
  EXPECT_TRUE(challenge("basic", "realm", "a \"b\""));
  EXPECT_FALSE(challenge("ba sic", "realm", "a"));
  EXPECT_FALSE(challenge("", "realm", "a"));
  EXPECT_FALSE(challenge("basic", "re alm", "a"));
  EXPECT_FALSE(challenge("basic", "realm", "a\r\nb"));
  EXPECT_FALSE(challenge("captcha", "key", "a\0"sv));
}

}  // namespace
}  // namespace picket::inspection
