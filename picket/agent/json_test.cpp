#include "picket/agent/json.hpp"

#include <gtest/gtest.h>

namespace picket::agent {
namespace {

TEST(AgentJson, PointersLeadToValues) {
  const auto document = Json::parse(R"({"messages":[{"content":"h\u0069"},{"content":7}],"a/b":{"~":"t"},"":"e"})");
  ASSERT_TRUE(document);
  EXPECT_EQ(document->text("/messages/0/content"), "hi");
  EXPECT_EQ(document->text("/messages/1/content"), std::nullopt);
  EXPECT_EQ(*document->at("/messages/1/content")->get<std::int64_t>(), 7);
  EXPECT_EQ(document->text("/a~1b/~0"), "t");
  EXPECT_EQ(document->text("/"), "e");
  EXPECT_EQ(document->at(""), &document->root());
  for (const char* nowhere :
       {"messages", "/messages/2", "/messages/00", "/messages/-", "/messages/0/content/x", "/nothing"})
    EXPECT_EQ(document->at(nowhere), nullptr) << nowhere;
}

TEST(AgentJson, OutlivesTheTextAndMoves) {
  std::string text = R"(["kept"])";
  auto document = Json::parse(text);
  ASSERT_TRUE(document);
  text.assign(text.size(), 'x');
  const Json moved = std::move(*document);
  EXPECT_EQ(moved.text("/0"), "kept");
}

TEST(AgentJson, WhatIsNoJsonIsAnErrorWithItsPlace) {
  for (const char* text : {"", "{", "[1,]", "{} x", "{\"a\":01}"}) EXPECT_FALSE(Json::parse(text)) << text;
}

}  // namespace
}  // namespace picket::agent
