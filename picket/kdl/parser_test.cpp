#include "picket/kdl/parser.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "picket/kdl/writer.hpp"

namespace picket::kdl {
namespace {

std::string repeat(std::string_view text, std::size_t times) {
  std::string result;
  for (std::size_t i = 0; i < times; ++i) result += text;
  return result;
}

/// The pieces of the text that the errors point at.
std::vector<std::string> places(std::string_view text) {
  std::vector<std::string> result;
  for (const Error& error : parse(text).errors)
    result.emplace_back(text.substr(error.at.begin, error.at.end - error.at.begin));
  return result;
}

/// A text with one error, and all that is said of it.
struct Case {
  std::string_view text;
  std::uint32_t begin;
  std::uint32_t end;
  std::string_view message;
  std::string_view hint;
};
constexpr std::string_view separate = "separate names, arguments and properties by spaces";
constexpr std::string_view complete = "complete it, or remove what stands before it";
constexpr std::string_view lists = "lists are written as arguments, one after the other: name 1 2 3";
constexpr std::string_view quotes = "is there a quote too many or too few on this line?";
constexpr Case cases[] = {
    {"a }", 2, 3, "this } closes nothing", "remove it, or find the { that is missing before it"},
    {"a {\n b\n", 2, 3, "this block is never closed", "its } is missing"},
    {"a { b } c", 8, 9, "only a new line or ; may stand behind a node's block",
     "put ; or a new line here; arguments and properties stand before the block"},
    {"a { b } { c }", 8, 9, "a node has one block, this is its second", "join the two blocks"},
    {"a /-{ b } /-c", 10, 12, "only blocks may stand behind a node's block, even behind /-",
     "put ; or a new line before /-"},
    {"a /* /* b */", 2, 4, "this comment is never closed", "close it with */"},
    {"a \\ b", 2, 3, "a \\ must be the last thing on its line",
     "it continues the node on the next line; quote it as text"},
    {"a(b)", 1, 2, "a ( can't stand here", "a type stands directly before a name or value: (type)value"},
    {"a b(c)", 3, 4, "a ( can't stand here", "a type stands directly before a name or value: (type)value"},
    {"a b)", 3, 4, "a ) can't stand here", "put text that has any of \\ / ( ) { } ; [ ] \" # = in it into quotes"},
    {"a /run/x", 2, 3, "a / can't stand in a word", "put text that has one into quotes; comments are // and /* */"},
    {"a [1]", 2, 3, "a [ can't stand in a word", lists},
    {"a 1]", 3, 4, "a ] can't stand in a word", lists},
    {"a = 1", 2, 3, "there is no name before this =", "a node's value follows its name without =: name value"},
    {"a 1=2", 3, 4, "what stands before this = is no name", "put a property's name into quotes"},
    {"a (t)b=2", 6, 7, "a type may not stand before a property's name", "put it behind the =: name=(type)value"},
    {"a b=", 4, 4, "a value is missing here", complete},
    {"a b=;", 4, 5, "a value is missing here", complete},
    {"a /-", 4, 4, "a value is missing here", complete},
    {"()a", 1, 2, "a type's name is missing here", complete},
    {"(t", 2, 2, "the ) of a type is missing here", complete},
    {"(t)", 3, 3, "a node's name is missing here", complete},
    {"a;;", 2, 3, "a node's name is missing here", complete},
    {"a { /- }", 7, 8, "a node's name is missing here", complete},
    {"12 a", 0, 2, "a node's name is text, this is a value", "put it into quotes"},
    {"a b\"c\"", 3, 4, "a space is missing here", separate},
    {"a \"b\"c", 5, 6, "a space is missing between this and the string before it", quotes},
    {"a r\"b\"", 2, 4, "this is how KDL 1 wrote raw strings", "write #\"…\"#"},
    {"a true", 2, 6, "\"true\" needs a # before it, or quotes", "write #true for the value, \"true\" for the text"},
    {"a #yes", 2, 6, "\"#yes\" is no keyword",
     "keywords are #true #false #null #inf #-inf #nan; put text that has a # in it into quotes"},
    {"a 5ms", 2, 5, "\"5ms\" is not a number: \"ms\" does not belong to a number",
     "put text that begins with a digit into quotes"},
    {"a \"b\nc", 2, 3, "this string is not closed on its line",
     "close it with the quotes it began with; text of several lines stands between lines of \"\"\""},
    {"a #\"b\"\n", 2, 3, "this string is not closed on its line",
     "close it with the quotes it began with; text of several lines stands between lines of \"\"\""},
    {"a \"\\q\"", 3, 5, "\"\\q\" is no escape",
     "escapes are \\n \\r \\t \\b \\f \\s \\\\ \\\" \\u{…}; write \\\\ for a backslash, or #\"…\"# around "
     "the text"},
    {"a \"\\u{D800}\"", 3, 11, "this is not a character's number",
     "write 1 to 6 hexadecimal digits, at most 10FFFF and not D800 to DFFF: \\u{1F600}"},
    {"a \"\"\"b\"\"\"", 2, 5, "text must begin on the line below \"\"\"",
     "put it on lines of its own, or use single quotes: \"…\""},
    {"a \"\"\"\n b\"\"\"", 6, 11, "text stands before the closing \"\"\"",
     "put the closing \"\"\" on a line of its own"},
    {"a \"\"\"\n b\nc\n \"\"\"", 9, 10, "this line is indented less than, or other than, the closing \"\"\"",
     "begin it with the very white space that stands before the closing \"\"\""},
    {"a ##\"\"\"\n \"\"\"#", 2, 13, "this string is never closed", "its last line is \"\"\"## behind white space"},
    {"a \x07", 2, 3, "the invisible character U+0007 may not stand in a file",
     "remove it; where it is meant, write \\u{7} in a string"},
    {"// \u202E", 3, 6, "the invisible character U+202E may not stand in a file",
     "remove it; where it is meant, write \\u{202e} in a string"},
    {"a \xff", 2, 3, "this byte is not UTF-8", "save the file as UTF-8"},
};

TEST(Parser, EveryErrorNamesItsPlaceTheProblemAndWhatToDo) {
  for (const auto& [text, begin, end, message, hint] : cases) {
    SCOPED_TRACE(text);
    const Parsed parsed = parse(text, 7);
    ASSERT_EQ(parsed.errors.size(), 1U);
    const Error& error = parsed.errors.front();
    EXPECT_EQ(error.at, (Span{7, begin, end}));
    EXPECT_EQ(error.message, message);
    EXPECT_EQ(error.hint, hint);
  }
}

TEST(Parser, GoesOnAfterAnErrorAndFindsTheOthers) {
  EXPECT_EQ(places("a 1x; b 2x\nc { d 3x; e 4x } ; f 5x"), (std::vector<std::string>{"1x", "2x", "3x", "4x", "5x"}));
  EXPECT_EQ(places("a \"open {\n b 1x\n}\nc 2x"), (std::vector<std::string>{"\"", "1x", "2x"}));
  EXPECT_EQ(places("a 1x \"; { }\" {\n b 2x\n}\n"), (std::vector<std::string>{"1x", "2x"}));
}

TEST(Parser, MarksTheNodesThatHaveAnErrorAndKeepsTheirBlock) {
  const Parsed parsed = parse("a 1 2x 3 { b; c 4x }\nd");
  EXPECT_EQ(write(parsed.nodes), "a 1 {\n    b\n    c\n}\nd\n");
  EXPECT_TRUE(parsed.nodes.at(0).broken);
  EXPECT_FALSE(parsed.nodes.at(0).children.at(0).broken);
  EXPECT_TRUE(parsed.nodes.at(0).children.at(1).broken);
  EXPECT_FALSE(parsed.nodes.at(1).broken);
}

TEST(Parser, MissingBraceIsFoundByIndentation) {
  const std::string_view text = "a {\n  b {\n    x\n  c {\n    y\n  }\n}\n";
  const Parsed parsed = parse(text);
  ASSERT_EQ(parsed.errors.size(), 1U);
  EXPECT_EQ(parsed.errors.front().at.begin, text.find("b {") + 2);
}

TEST(Parser, StopsAfterTooManyErrors) { EXPECT_EQ(parse(repeat("a 1x\n", 1000)).errors.size(), max_errors); }

TEST(Parser, NestingIsBounded) {
  EXPECT_TRUE(parse(repeat("a {", max_nesting) + repeat("}", max_nesting)).errors.empty());
  const Parsed parsed = parse(repeat("a {", 100'000));
  ASSERT_EQ(parsed.errors.size(), 1U);
  EXPECT_EQ(parsed.errors.front().message, "blocks are nested more than 64 deep");
  EXPECT_EQ(parsed.errors.front().at.begin, max_nesting * 3 + 2);
}

TEST(Parser, CommentsNestWithoutBound) {
  EXPECT_TRUE(parse(repeat("/*", 100'000) + repeat("*/", 100'000)).errors.empty());
}

TEST(Parser, DocumentOverTheLimitIsRefused) {
  EXPECT_EQ(parse(std::string(max_document_size + 1, ' ')).errors.at(0).message, "the file is larger than 16 MiB");
}

TEST(Parser, ValuesKnowTheirPlace) {
  const std::string_view text = "\uFEFFname (t)\"é\" key=0x10 {}";
  const Parsed parsed = parse(text, 3);
  ASSERT_TRUE(parsed.errors.empty());
  const Node& node = parsed.nodes.at(0);
  const auto at = [&](const Span& span) { return text.substr(span.begin, span.end - span.begin); };
  EXPECT_EQ(at(node.name.at), "name");
  EXPECT_EQ(at(node.arguments.at(0).at), "\"é\"");
  EXPECT_EQ(at(node.arguments.at(0).type->at), "t");
  EXPECT_EQ(at(node.properties.at(0).name.at), "key");
  EXPECT_EQ(at(node.properties.at(0).value.at), "0x10");
  EXPECT_EQ(node.name.at.file, 3U);
  EXPECT_TRUE(node.has_block);
}

}  // namespace
}  // namespace picket::kdl
