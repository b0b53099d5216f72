#include "picket/agent/decision.hpp"

#include <gtest/gtest.h>

#include "picket/wire/codec.hpp"

namespace picket::agent {
namespace {

constexpr wire::ReplyTo to_headers{.type = wire::FrameType::request_headers};

/// As it stands on the wire.
std::string json(const Decision& decision, const wire::ReplyTo& event = to_headers) {
  base::Arena arena;
  return wire::to_json(decision.response(event, arena));
}

bool says(const Decision& decision, std::string_view text, const wire::ReplyTo& event = to_headers) {
  const std::string written = json(decision, event);
  if (written.find(text) != std::string::npos) return true;
  ADD_FAILURE() << written << "\ndoes not say " << text;
  return false;
}

TEST(Decision, AllowSaysNothingElse) {
  const Decision decision = Decision::allow();
  EXPECT_TRUE(decision.is_allow());
  EXPECT_FALSE(decision.block_status());
  EXPECT_TRUE(says(decision, R"("decision":"allow")"));
}

TEST(Decision, BlockCarriesStatusBodyAndHeaders) {
  const Decision decision = Decision::block(429).body("slow down").header("retry-after", "5");
  EXPECT_EQ(decision.block_status(), 429);
  EXPECT_EQ(decision.block_header("Retry-After"), "5");
  EXPECT_EQ(Decision{Decision::challenge("basic", {{"realm", "r"}})}.block_header("realm"), std::nullopt);
  EXPECT_FALSE(decision.is_allow());
  EXPECT_TRUE(says(decision, R"({"block":{"status":429,"body":"slow down","headers":{"retry-after":"5"}}})"));
}

TEST(Decision, BlockWithoutBodyLeavesItToTheProxy) {
  EXPECT_TRUE(says(Decision::block(403), R"({"block":{"status":403,"body":null)"));
  EXPECT_TRUE(says(Decision::block(403).body(""), R"({"block":{"status":403,"body":"")"));
}

TEST(Decision, RedirectAndChallenge) {
  EXPECT_TRUE(says(Decision::redirect("/login"), R"({"redirect":{"url":"/login","status":302}})"));
  EXPECT_TRUE(says(Decision::redirect("/moved", 308), R"({"redirect":{"url":"/moved","status":308}})"));
  EXPECT_TRUE(says(Decision::challenge("basic", {{"realm", "x"}}),
                   R"({"challenge":{"challenge_type":"basic","params":{"realm":"x"}}})"));
}

TEST(Decision, HeaderOperationsKeepTheirOrder) {
  const Decision decision =
      Decision::allow().remove_request_header("a").set_request_header("a", "1").add_request_header("a", "2");
  EXPECT_TRUE(says(decision, R"("request_headers":[{"remove":{"name":"a"}},{"set":{"name":"a","value":"1"}},)"
                             R"({"add":{"name":"a","value":"2"}}])"));
  EXPECT_TRUE(
      says(Decision::allow().set_response_header("b", "1").add_response_header("c", "2").remove_response_header("d"),
           R"("response_headers":[{"set":{"name":"b","value":"1"}},{"add":{"name":"c","value":"2"}},)"
           R"({"remove":{"name":"d"}}])"));
}

TEST(Decision, AuditHoldsWhatWasSaid) {
  const Decision decision =
      Decision::block(403).tag("sqli").rule("942100").reason("score").confidence(0.5F).note("where", "query");
  EXPECT_EQ(decision.rules(), std::vector<std::string>{"942100"});
  EXPECT_EQ(decision.tags(), std::vector<std::string>{"sqli"});
  for (const std::string_view text : {R"("tags":["sqli"])", R"("rule_ids":["942100"])", R"("reason_codes":["score"])",
                                      R"("confidence":0.5)", R"("where":"query")"})
    EXPECT_TRUE(says(decision, text));
  EXPECT_TRUE(says(Decision::allow().route("upstream", "canary"), R"("routing_metadata":{"upstream":"canary"})"));
}

TEST(Decision, ReplacementGoesToTheBodyInQuestionAndNamesItsChunk) {
  const Decision decision = Decision::allow().replace_body("hi");
  const wire::ReplyTo request{.type = wire::FrameType::request_body_chunk, .index = 3};
  const wire::ReplyTo response{.type = wire::FrameType::response_body_chunk, .index = 4};
  EXPECT_TRUE(says(decision, R"("request_body_mutation":{"data":"aGk=","chunk_index":3})", request));
  EXPECT_TRUE(says(decision, R"("response_body_mutation":{"data":"aGk=","chunk_index":4})", response));
  EXPECT_TRUE(
      says(Decision::allow().replace_body(""), R"("request_body_mutation":{"data":"","chunk_index":3})", request))
      << "an empty replacement drops the chunk";
}

TEST(Decision, WebSocketFramesAreDroppedOrTheirConnectionClosed) {
  EXPECT_TRUE(says(Decision::drop_frame(), R"("websocket_decision":"drop")"));
  EXPECT_TRUE(says(Decision::close_websocket(1008, "policy"),
                   R"("websocket_decision":{"close":{"code":1008,"reason":"policy"}})"));
  EXPECT_TRUE(says(Decision::allow(), R"("websocket_decision":null)")) << "nothing said means: pass it on";
}

TEST(Decision, SettersOfAnObjectThatStaysChangeIt) {
  Block block = Decision::block(403);
  for (const char* rule : {"1", "2"}) block.rule(rule).tag("t").note(rule, "n");
  block.body("no").header("a", "b").set_response_header("c", "d");
  Decision decision = std::move(block);
  decision.reason("r").confidence(1);
  EXPECT_EQ(decision.rules(), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(decision.block_body(), "no");
  EXPECT_EQ(decision.response_header("C"), "d");
  EXPECT_TRUE(says(decision, R"("reason_codes":["r"])"));
}

TEST(Decision, TheLastOperationOnAHeaderIsWhatAReaderSees) {
  const Decision decision = Decision::allow().set_request_header("A", "1").add_request_header("a", "2");
  EXPECT_EQ(decision.request_header("a"), "2");
  EXPECT_EQ(decision.request_header("b"), std::nullopt);
  const Decision removed = Decision::allow().set_request_header("a", "1").remove_request_header("A");
  EXPECT_EQ(removed.request_header("a"), std::nullopt);
}

TEST(Decision, WhatAnEventCannotHonourIsNamed) {
  using wire::FrameType;
  struct Case {
    Decision decision;
    FrameType event;
    std::string_view call;
  };
  const Case cases[] = {
      {Decision::allow().replace_body("x"), FrameType::request_body_chunk, ""},
      {Decision::allow().replace_body("x"), FrameType::response_body_chunk, ""},
      {Decision::allow().replace_body("x"), FrameType::request_headers, "replace_body()"},
      {Decision::allow().set_request_header("a", "b"), FrameType::request_body_chunk, ""},
      {Decision::allow().set_request_header("a", "b"), FrameType::response_headers, "an operation on a request header"},
      {Decision::drop_frame(), FrameType::websocket_frame, ""},
      {Decision::drop_frame(), FrameType::request_headers, "drop_frame()"},
      {Decision::close_websocket(1008, "no"), FrameType::guardrail_inspect, "close_websocket()"},
      {Decision::block(403).body("x"), FrameType::response_headers, ""},
      {Decision::allow(), FrameType::request_headers, ""}};
  for (const auto& [decision, event, call] : cases) EXPECT_EQ(decision.misfit(event), call) << wire::name(event);
}

TEST(Decision, AStatusThatOnlyTheRunningProgramKnowsIsChecked) {
  EXPECT_EQ(BlockStatus::of(599)->value(), 599);
  EXPECT_FALSE(BlockStatus::of(199) || BlockStatus::of(600) || BlockStatus::of(-1) || BlockStatus::of(65'739));
  EXPECT_EQ(RedirectStatus::of(308)->value(), 308);
  EXPECT_FALSE(RedirectStatus::of(200) || RedirectStatus::of(304) || RedirectStatus::of(309));
}

TEST(Decision, NeedsMoreHoldsWhatIsHeld) {
  EXPECT_TRUE(says(Decision::allow().needs_more(), R"("needs_more":true)"));
  EXPECT_TRUE(says(Decision::allow(), R"("needs_more":false)"));
}

TEST(Decision, ACopySaysTheSameAndHasItsOwnDetails) {
  const Decision original = Decision::block(451).body("no").rule("1");
  Decision copy = original;
  EXPECT_EQ(json(copy), json(original));
  copy.rule("2");
  EXPECT_EQ(copy.rules().size(), 2U);
  EXPECT_EQ(original.rules().size(), 1U);
  copy = original;
  EXPECT_EQ(json(copy), json(original));
  copy = Decision::allow();
  EXPECT_EQ(json(copy), json(Decision::allow()));
}

}  // namespace
}  // namespace picket::agent
