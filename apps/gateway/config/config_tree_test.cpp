#include "apps/gateway/config/config_tree.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "picket/kdl/parser.hpp"

namespace picket::apps::gateway::config {
namespace {

struct Converted {
  std::optional<std::string> json;
  Problems problems;
};

Converted convert(std::string_view text) {
  const kdl::Parsed parsed = kdl::parse(text);
  EXPECT_TRUE(parsed.errors.empty()) << parsed.errors.front().message;
  const Sources sources{{.name = "f", .folder = "/", .text = std::string(text)}};
  Converted result;
  Reader reader(sources, result.problems, true);
  result.json = config_json(reader, parsed.nodes.at(0));
  return result;
}

TEST(ConfigTree, EveryFormHasItsJson) {
  struct Case {
    std::string_view written;
    std::string_view json;
  };
  for (const auto& [written, json] : {
           Case{"config { paranoia-level 1 }", R"({"paranoia-level":1})"},
           Case{"config {}", "{}"},
           Case{"config a=1 b=#true", R"({"a":1,"b":true})"},
           Case{"config { list 1 2 3; one 1; none #null }", R"({"list":[1,2,3],"one":1,"none":null})"},
           Case{"config { rule id=1; rule id=2; other 3 }", R"({"rule":[{"id":1},{"id":2}],"other":3})"},
           Case{"config { rule 1 2; rule 3 }", R"({"rule":[[1,2],3]})"},
           Case{"config { a k=1 { b { c \"x\" } } }", R"({"a":{"k":1,"b":{"c":"x"}}})"},
           Case{"config { s \"q\\\"\\n\"; f 1.5; n -9223372036854775808; u 18446744073709551615 }",
                R"({"s":"q\"\n","f":1.5,"n":-9223372036854775808,"u":18446744073709551615})"},
           Case{"config { h 0x10; \"two words\" #false }", R"({"h":16,"two words":false})"},
           Case{"config 1 2", "[1,2]"},
           Case{"config \"all\"", "\"all\""},
           Case{"config { paths { - \"/admin\" } }", R"({"paths":["/admin"]})"},
           Case{"config { paths { - \"/a\"; - \"/b\" } }", R"({"paths":["/a","/b"]})"},
           Case{"config { - 1 }", "[1]"},
           Case{"config { rules { - id=1 { tags { - \"x\" } } } }", R"({"rules":[{"id":1,"tags":["x"]}]})"},
           Case{"config { matrix { - 1 2; - { - 3 } } }", R"({"matrix":[[1,2],[3]]})"},
           Case{"config { a { - #null; - {} } }", R"({"a":[null,{}]})"},
       }) {
    SCOPED_TRACE(written);
    const Converted converted = convert(written);
    ASSERT_TRUE(converted.json.has_value()) << converted.problems.front().message;
    EXPECT_EQ(*converted.json, json);
    EXPECT_TRUE(converted.problems.empty());
  }
}

TEST(ConfigTree, WhatHasNoJsonIsToldAtItsPlace) {
  struct Case {
    std::string_view written;
    std::string_view place;
    std::string_view message;
    std::string_view hint;
  };
  const std::string_view mixture = "JSON has no such mixture: give the values a name of their own inside the block";
  const std::string_view items =
      "JSON has no such mixture: a list has items alone, which are named -, and an object has none";
  const std::string_view quotes = "write it as text, in quotes";
  for (const auto& [written, place, message, hint] : {
           Case{"config { a 1 { b 2 } }", "1", "\"a\" has values beside properties or a block", mixture},
           Case{"config { a 1 k=2 }", "1", "\"a\" has values beside properties or a block", mixture},
           Case{"config 1 { }", "1", "\"config\" has values beside properties or a block", mixture},
           Case{"config { a { - 1; b 2 } }", "b", "\"b\" stands beside items of a list", items},
           Case{"config { a { b 2; - 1 } }", "b", "\"b\" stands beside items of a list", items},
           Case{"config { a k=1 { - 1 } }", "k", "\"k\" stands beside items of a list", items},
           Case{"config { a 1 { - 1 } }", "1", "\"a\" has values beside properties or a block", mixture},
           Case{"config { a { - } }", "-", "\"-\" has no value", "write - #true, - #null, or - {} for an empty object"},
           Case{"config { verbose }", "verbose", "\"verbose\" has no value",
                "write verbose #true, verbose #null, or verbose {} for an empty object"},
           Case{"config { a k=1 k=2 }", "k", "the property \"k\" is given twice", "remove one"},
           Case{"config { a k=1 { k 2 } }", "k", "\"k\" is a property and a node in one block", "keep one of them"},
           Case{"config { a (u8)1 }", "u8", "the type \"(u8)\" means nothing here", "remove it"},
           Case{"config { (t)a 1 }", "t", "the type \"(t)\" means nothing here", "remove it"},
           Case{"config { a #inf }", "#inf", "JSON has no number #inf", "write it as text: \"inf\""},
           Case{"config { a 18446744073709551616 }", "18446744073709551616",
                "18446744073709551616 does not fit into 64 bits", quotes},
           Case{"config { a 1e400 }", "1e400", "1E+400 does not fit into 64 bits", quotes},
       }) {
    SCOPED_TRACE(written);
    const Converted converted = convert(written);
    EXPECT_FALSE(converted.json.has_value());
    ASSERT_EQ(converted.problems.size(), 1U);
    const kdl::Error& problem = converted.problems.front();
    EXPECT_EQ(written.substr(problem.at.begin, problem.at.end - problem.at.begin), place);
    EXPECT_EQ(problem.message, message);
    EXPECT_EQ(problem.hint, hint);
  }
}

TEST(ConfigTree, DeepestTreeOfAnAgentStaysWithinWhatPeersRead) {
  // Two nodes of one name a level: an array and an object in JSON.
  constexpr unsigned outer = 3;
  std::string text = "agents { agent a { config {";
  for (unsigned i = outer; i < kdl::max_nesting; ++i) text += " a 0 1; a {";
  text += std::string(kdl::max_nesting, '}');
  const kdl::Parsed parsed = kdl::parse(text);
  ASSERT_TRUE(parsed.errors.empty());
  Problems problems;
  const Sources sources;
  Reader reader(sources, problems, true);
  const auto json = config_json(reader, parsed.nodes.at(0).children.at(0).children.at(0));
  ASSERT_TRUE(json.has_value());
  std::size_t depth = 0;
  std::size_t deepest = 0;
  for (const char byte : *json) {
    if (byte == '{' || byte == '[') deepest = std::max(deepest, ++depth);
    if (byte == '}' || byte == ']') --depth;
  }
  // The event that carries it is one level more; 127 levels are read (protocol.md §10).
  EXPECT_LE(deepest + 1, 127U);
  EXPECT_GE(deepest, 120U);
}

}  // namespace
}  // namespace picket::apps::gateway::config
