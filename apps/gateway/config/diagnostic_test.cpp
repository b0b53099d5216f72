#include "apps/gateway/config/diagnostic.hpp"

#include <string>

#include <gtest/gtest.h>

namespace picket::apps::gateway::config {
namespace {

Diagnostic sample(std::string line, std::uint32_t column, std::uint32_t length) {
  return {.file = "f.kdl",
          .line = 12,
          .column = column,
          .length = length,
          .message = "bad",
          .hint = "do",
          .source_line = std::move(line)};
}

TEST(Render, ShowsPlaceMessageLineCaretAndHint) {
  EXPECT_EQ(render(sample("    timeut-ms 250", 5, 9), false),
            "f.kdl:12:5: error: bad\n"
            "   12 |     timeut-ms 250\n"
            "      |     ^~~~~~~~~\n"
            "hint: do\n");
}

TEST(Render, CaretStandsUnderTheCharacterWhateverIsBeforeIt) {
  EXPECT_EQ(render(sample("\tx\ty", 4, 1), false),
            "f.kdl:12:4: error: bad\n   12 | \tx\ty\n      | \t \t^\nhint: do\n");
  EXPECT_EQ(render(sample("é日x", 3, 1), false), "f.kdl:12:3: error: bad\n   12 | é日x\n      |    ^\nhint: do\n");
  EXPECT_EQ(render(sample("a 日本", 3, 2), false),
            "f.kdl:12:3: error: bad\n   12 | a 日本\n      |   ^~~~\nhint: do\n");
  EXPECT_EQ(render(sample("e\u0301x", 3, 1), false),
            "f.kdl:12:3: error: bad\n   12 | e\u0301x\n      |  ^\nhint: do\n");
}

TEST(Render, PlaceBehindTheLineAndEmptyPlaceHaveACaret) {
  EXPECT_EQ(render(sample("ab", 3, 0), false), "f.kdl:12:3: error: bad\n   12 | ab\n      |   ^\nhint: do\n");
  EXPECT_EQ(render(sample("", 1, 0), false), "f.kdl:12:1: error: bad\n   12 | \n      | ^\nhint: do\n");
}

TEST(Render, LongLinesAreCutAroundTheCaret) {
  const std::string text = render(sample(std::string(1000, 'a') + "X" + std::string(1000, 'b'), 1001, 1), false);
  EXPECT_NE(text.find("   12 | …" + std::string(60, 'a') + "X" + std::string(99, 'b') + "…\n"), std::string::npos);
  EXPECT_NE(text.find("      |  " + std::string(60, ' ') + "^\n"), std::string::npos);
}

TEST(Render, TerminalIsNotObeyingTheFile) {
  Diagnostic diagnostic = sample(
      "a\x1b[31m\u202E\x9b\xff"
      "b",
      1, 1);
  diagnostic.message = "bad \x1b[0m";
  EXPECT_EQ(render(diagnostic, false),
            "f.kdl:12:1: error: bad \uFFFD[0m\n"
            "   12 | a\uFFFD[31m\uFFFD\uFFFD\uFFFDb\n"
            "      | ^\n"
            "hint: do\n");
}

TEST(Render, FileAsAWholeHasNoLine) {
  Diagnostic diagnostic = sample("", 0, 0);
  diagnostic.line = 0;
  diagnostic.hint.clear();
  EXPECT_EQ(render(diagnostic, false), "f.kdl: error: bad\n");
}

TEST(Render, ColourIsAddedOnlyWhenAskedFor) {
  EXPECT_EQ(render(sample("x", 1, 1), false).find('\x1b'), std::string::npos);
  EXPECT_NE(render(sample("x", 1, 1), true).find("\x1b[1;31merror:\x1b[0m"), std::string::npos);
}

}  // namespace
}  // namespace picket::apps::gateway::config
