#include "picket/kdl/strings.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "picket/kdl/parser.hpp"

namespace picket::kdl {
namespace {

/// The first argument of the document "node …".
String argument(std::string_view written) {
  const Parsed parsed = parse("node " + std::string(written));
  EXPECT_TRUE(parsed.errors.empty()) << parsed.errors.front().message;
  const auto* string = parsed.nodes.at(0).arguments.at(0).get<String>();
  EXPECT_NE(string, nullptr);
  return *string;
}

TEST(Strings, SayWhatTheirEscapesMean) {
  struct Case {
    std::string_view written;
    std::string_view text;
  };
  for (const auto& [written, text] : {
           Case{R"("")", ""},
           Case{R"("a\n\r\t\b\f\s\\\"z")", "a\n\r\t\b\f \\\"z"},
           Case{R"("\u{1F600}\u{e9}\u{000041}")", "😀éA"},
           Case{"\"one \\  \n  two\"", "one two"},
           Case{R"(#"a\n"b"#)", "a\\n\"b"},
           Case{R"(##"a"#b"##)", "a\"#b"},
           Case{R"(#""#)", ""},
           Case{"\"\"\"\n  a\n\n    b\n  \"\"\"", "a\n\n  b"},
           Case{"\"\"\"\r\n\ta\r\n\tb\r\n\t\"\"\"", "a\nb"},
           Case{"\"\"\"\n\"\"\"", ""},
           Case{"\"\"\"\n \\u{41}\\\"\"\" \n \"\"\"", "A\"\"\" "},
           Case{"#\"\"\"\n  \\n \"\"\"\n  \"\"\"#", "\\n \"\"\""},
       }) {
    SCOPED_TRACE(written);
    EXPECT_EQ(argument(written).text, text);
  }
}

TEST(Strings, RawOnesSaySo) {
  EXPECT_TRUE(argument(R"(#"a"#)").raw);
  EXPECT_TRUE(argument("#\"\"\"\na\n\"\"\"#").raw);
  EXPECT_FALSE(argument(R"("a")").raw);
  EXPECT_FALSE(argument("a").raw);
}

TEST(Dedent, FindsTheLineThatLacksTheIndentation) {
  EXPECT_EQ(dedent("  a\n   b\n  ").text, "a\n b");
  EXPECT_EQ(dedent("  a\n b\n  ").bad_line, 2U);
  EXPECT_EQ(dedent("\ta\n  ").bad_line, 1U);
  EXPECT_TRUE(dedent("a\nb").bad_end);
  EXPECT_EQ(dedent(" \n\n").text, "\n");
  EXPECT_EQ(dedent("").text, "");
}

}  // namespace
}  // namespace picket::kdl
