#include "picket/session/dialects/site_decision.hpp"

#include <gtest/gtest.h>

#include "picket/wire/codec.hpp"

namespace picket::session::dialects {
namespace {

/// As the protocol would have it; what is wrong where it is none.
std::string read(std::string_view payload) {
  base::Arena arena;
  const auto decision = read_site_decision(payload, arena);
  return decision ? wire::to_json(decision->response) : decision.error().detail();
}

TEST(SiteDecision, BothSpellingsAreReadAsTheProtocols) {
  const struct {
    std::string_view said;
    std::string_view has;
  } rows[] = {
      {R"({"request_id":1,"decision":"allow"})", R"("decision":"allow")"},
      {R"({"request_id":1,"decision":{"type":"allow"}})", R"("decision":"allow")"},
      {R"({"request_id":1,"decision":{"block":{"status":403,"body":"no"}}})",
       R"("decision":{"block":{"status":403,"body":"no","headers":null}})"},
      {R"({"request_id":1,"decision":{"type":"block","status":403,"body":"no"}})",
       R"("decision":{"block":{"status":403,"body":"no","headers":null}})"},
      {R"({"request_id":1,"decision":{"type":"redirect","url":"/a","status":302}})",
       R"("decision":{"redirect":{"url":"/a","status":302}})"},
      {R"({"request_id":1,"decision":{"needs_more":true}})", R"("needs_more":true)"},
      {R"({"request_id":1,"decision":"allow","request_headers":[{"operation":"set","name":"a","value":"b"}]})",
       R"("request_headers":[{"set":{"name":"a","value":"b"}}])"},
      {R"({"request_id":1,"decision":"allow","response_headers":[{"type":"remove","name":"a"}],"audit":null})",
       R"("response_headers":[{"remove":{"name":"a"}}])"},
      {R"({"request_id":1,"decision":"allow","audit":{"tags":["t"]}})", R"("tags":["t"])"},
      {R"({"request_id":1,"version":7,"decision":"allow"})", R"("version":2)"},  // unknown there
  };
  for (const auto& row : rows) EXPECT_NE(read(row.said).find(row.has), std::string::npos) << row.said << read(row.said);
}

TEST(SiteDecision, WhatIsNoneIsAnError) {
  for (const std::string_view said :
       {"", "[]", R"({"decision":"allow"})", R"({"request_id":-1,"decision":"allow"})", R"({"request_id":"1"})",
        R"({"request_id":1})", R"({"request_id":1,"decision":null})", R"({"request_id":1,"decision":"deny"})",
        R"({"request_id":1,"decision":{"type":"deny"}})", R"({"request_id":1,"decision":{"needs_more":false}})",
        R"({"request_id":1,"decision":{"needs_more":true,"block":{"status":403}}})",
        R"({"request_id":1,"decision":{"block":{"status":403}},"decision":"allow"})",
        R"({"request_id":1,"decision":"allow","request_headers":[{"name":"a"}]})",
        R"({"request_id":1,"decision":"allow","request_headers":[{"operation":"drop","name":"a"}]})"}) {
    base::Arena arena;
    EXPECT_FALSE(read_site_decision(said, arena)) << said;
  }
}

}  // namespace
}  // namespace picket::session::dialects
