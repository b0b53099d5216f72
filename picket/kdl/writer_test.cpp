#include "picket/kdl/writer.hpp"

#include <string>

#include <gtest/gtest.h>

#include "picket/kdl/characters.hpp"
#include "picket/kdl/parser.hpp"

namespace picket::kdl {
namespace {

TEST(Writer, PutsPropertiesInOrderAndKeepsTheLastOfEach) {
  EXPECT_EQ(write(parse("n z=1 a=2 z=3 x").nodes), "n x a=2 z=3\n");
}

TEST(Writer, QuotesOnlyWhatIsNoBareWord) {
  for (const char* word : {"a", "a.b", "-", "--x", "+a", ".a", "é", "true1", "ノード"})
    EXPECT_EQ(write_string(word), word);
  for (const char* text :
       {"", "a b", "1a", "-1", ".5", "+.5", "true", "-inf", "a/b", "a=b", "#x", "a;b", "{", "a\u00A0b"})
    EXPECT_EQ(write_string(text), "\"" + std::string(text) + "\"");
}

TEST(Writer, EscapesWhatCantStandInAFile) {
  EXPECT_EQ(write_string("\n\r\t\b\f\"\\"), R"("\n\r\t\b\f\"\\")");
  EXPECT_EQ(write_string(std::string_view("\0\x1b\x7f", 3)), R"("\u{0}\u{1b}\u{7f}")");
  EXPECT_EQ(write_string("\v\u0085\u2028\u202E\uFEFF"), R"("\u{b}\u{85}\u{2028}\u{202e}\u{feff}")");
}

TEST(Writer, EmptyDocumentIsAnEmptyLine) { EXPECT_EQ(write({}), "\n"); }

TEST(Writer, EveryCharacterComesBack) {
  std::string all;
  for (char32_t value = 0; value < 0x3100; ++value) append_utf8(all, value);
  const Parsed parsed = parse("n " + write_string(all));
  ASSERT_TRUE(parsed.errors.empty()) << parsed.errors.front().message;
  EXPECT_EQ(parsed.nodes.at(0).arguments.at(0).get<String>()->text, all);
}

}  // namespace
}  // namespace picket::kdl
