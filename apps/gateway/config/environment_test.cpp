#include "apps/gateway/config/environment.hpp"

#include <string>

#include <gtest/gtest.h>

#include "apps/gateway/config/testing/folder.hpp"
#include "picket/kdl/parser.hpp"
#include "picket/kdl/writer.hpp"

namespace picket::apps::gateway::config {
namespace {

struct Expanded {
  std::string text;
  Problems problems;
};

Expanded expand_text(const std::string& text) {
  kdl::Parsed parsed = kdl::parse(text);
  EXPECT_TRUE(parsed.errors.empty());
  Expanded result;
  const Source source{.name = "f", .folder = "/", .text = text};
  expand(parsed.nodes, testing::variables({{"A", "1"}, {"B_2", "two words"}, {"EMPTY", ""}}), {source},
         result.problems);
  result.text = kdl::write(parsed.nodes);
  return result;
}

TEST(Environment, VariablesAreReplacedInEveryStringValue) {
  struct Case {
    std::string_view written;
    std::string_view expanded;
  };
  for (const auto& [written, expanded] : {
           Case{R"(n "${A}")", "n \"1\"\n"},
           Case{R"(n "x${A}y${B_2}z")",
                "n \"x1ytwo words"
                "z\"\n"},
           Case{R"(n k="${A}")", "n k=\"1\"\n"},
           Case{R"(n { c "${A}" })", "n {\n    c \"1\"\n}\n"},
           Case{R"(n "${NONE:-d e}")", "n \"d e\"\n"},
           Case{R"(n "${NONE:-}")", "n \"\"\n"},
           Case{R"(n "${NONE:-127.0.0.1:9000}")", "n \"127.0.0.1:9000\"\n"},
           Case{R"(n "${EMPTY}x")", "n x\n"},
           Case{R"(n "${EMPTY:-d}")", "n d\n"},
           Case{R"(n "${A:-d}")", "n \"1\"\n"},
           Case{R"(n "$A $ {A} $$")", "n \"$A $ {A} $$\"\n"},
           Case{R"(n #"${A}"#)", "n \"${A}\"\n"},
           Case{"n \"\"\"\n ${A}\n \"\"\"", "n \"1\"\n"},
           Case{R"("${A}" "${A}")", "\"${A}\" \"1\"\n"},
       }) {
    SCOPED_TRACE(written);
    const Expanded result = expand_text(std::string(written));
    EXPECT_EQ(result.text, expanded);
    EXPECT_TRUE(result.problems.empty());
  }
}

TEST(Environment, WhatIsWrongIsToldAtItsPlace) {
  struct Case {
    std::string_view written;
    std::string_view place;
    std::string_view message;
    std::string_view hint;
  };
  const std::string_view form = "write ${NAME} or ${NAME:-default}; in a raw string #\"…\"# a ${ is text";
  for (const auto& [written, place, message, hint] : {
           Case{R"(n "x${NONE}")", "${NONE}", "the environment variable \"NONE\" is not set",
                "set it, or give a default: ${NONE:-value}"},
           Case{R"(n "${A}${NONE}")", "${NONE}", "the environment variable \"NONE\" is not set",
                "set it, or give a default: ${NONE:-value}"},
           Case{R"(n "\u{24}{NONE}")", R"("\u{24}{NONE}")", "the environment variable \"NONE\" is not set",
                "set it, or give a default: ${NONE:-value}"},
           Case{R"(n "a ${A")", "${A", "this ${ is never closed", form},
           Case{R"(n "${}")", "${}", "\"\" is not the name of a variable", form},
           Case{R"(n "${1A}")", "${1A}", "\"1A\" is not the name of a variable", form},
           Case{R"(n "${A-b}")", "${A-b}", "\"A-b\" is not the name of a variable", form},
           Case{R"(n "${A:-${B}}")", "${A:-${B}", "a default can't have a variable in it", form},
       }) {
    SCOPED_TRACE(written);
    const Expanded result = expand_text(std::string(written));
    ASSERT_EQ(result.problems.size(), 1U);
    const kdl::Error& problem = result.problems.front();
    EXPECT_EQ(written.substr(problem.at.begin, problem.at.end - problem.at.begin), place);
    EXPECT_EQ(problem.message, message);
    EXPECT_EQ(problem.hint, hint);
  }
}

TEST(Environment, OfTheProcessHasItsVariables) {
  ::setenv("PICKET_CONFIG_TEST", "x", 1);
  EXPECT_EQ(process_environment()("PICKET_CONFIG_TEST"), "x");
  ::unsetenv("PICKET_CONFIG_TEST");
  EXPECT_EQ(process_environment()("PICKET_CONFIG_TEST"), std::nullopt);
}

}  // namespace
}  // namespace picket::apps::gateway::config
