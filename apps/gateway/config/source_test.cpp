#include "apps/gateway/config/source.hpp"

#include <string>

#include <gtest/gtest.h>

namespace picket::apps::gateway::config {
namespace {

Diagnostic diagnose_at(std::string text, std::uint32_t begin, std::uint32_t end) {
  Source source{.name = "f", .folder = "/", .text = std::move(text)};
  source.lines = index_lines(source.text);
  return diagnose({source}, {{{0, begin, end}, "m", "h"}}).at(0);
}

TEST(Diagnose, CountsLinesAndCharacters) {
  struct Case {
    std::string_view text;
    std::uint32_t begin;
    std::uint32_t end;
    std::uint32_t line;
    std::uint32_t column;
    std::uint32_t length;
    std::string_view source_line;
  };
  for (const Case& c : {
           Case{"abc", 1, 2, 1, 2, 1, "abc"},
           Case{"ab\ncd\nef", 4, 5, 2, 2, 1, "cd"},
           Case{"ab\r\ncd\r\nef", 8, 10, 3, 1, 2, "ef"},
           Case{"ab\rcd", 3, 4, 2, 1, 1, "cd"},
           Case{"é日\tx", 6, 7, 1, 4, 1, "é日\tx"},
           Case{"\uFEFF"
                "abc",
                3, 4, 1, 1, 1, "abc"},
           Case{"ab\ncd", 1, 5, 1, 2, 1, "ab"},
           Case{"ab\n", 3, 3, 2, 1, 0, ""},
           Case{"", 0, 0, 1, 1, 0, ""},
       }) {
    SCOPED_TRACE(c.text);
    const Diagnostic found = diagnose_at(std::string(c.text), c.begin, c.end);
    EXPECT_EQ(found, (Diagnostic{.file = "f",
                                 .line = c.line,
                                 .column = c.column,
                                 .length = c.length,
                                 .message = "m",
                                 .hint = "h",
                                 .source_line = std::string(c.source_line)}));
  }
}

TEST(Diagnose, SortsByFileAndPlace) {
  Source source{.name = "f", .folder = "/", .text = "abc"};
  source.lines = index_lines(source.text);
  Source other = source;
  other.name = "g";
  const auto found = diagnose({source, other},
                              {{{1, 0, 1}, "4", ""}, {{0, 2, 3}, "3", ""}, {{0, 1, 2}, "2", ""}, {{0, 0, 1}, "1", ""}});
  ASSERT_EQ(found.size(), 4U);
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i].message, std::to_string(i + 1));
  EXPECT_EQ(found[3].file, "g");
}

}  // namespace
}  // namespace picket::apps::gateway::config
