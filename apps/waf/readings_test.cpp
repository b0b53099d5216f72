#include "apps/waf/readings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::apps::waf {
namespace {

TEST(Readings, APathThatTheLibraryCutsIsShownWhole) {
  const struct {
    const char* target;
    const char* path;
  } cases[] = {{"/users%3f/x", "/users?/x"},
               {"/a%3Fb?c=d%3f/e", "/a?b"},
               {"/%3f/.git/config", "/?/.git/config"},
               {"/x%2fy%3f", "/x/y?"},
               {"/a#b?c", "/a#b"},
               {"/a%zz%3f%", "/a%zz?%"},
               {"http://h.x/a%3f/b", "http://h.x/a?/b"}};
  for (const auto& test : cases) EXPECT_EQ(path_that_was_cut(test.target), test.path) << test.target;
  for (const char* const target : {"/", "/a?b%3f", "/a%253fb", "/a%23b", "*", "/a%", ""})
    EXPECT_EQ(path_that_was_cut(target), std::nullopt) << target;
}

TEST(Readings, ABasenameIsWhatStandsBehindTheLastSlash) {
  EXPECT_EQ(basename_of("/a/b?/c"), "c");
  EXPECT_EQ(basename_of("/a\\c"), "c");
  EXPECT_EQ(basename_of("/a/"), "");
  EXPECT_EQ(basename_of("a"), "a");
}

TEST(Readings, ABodyIsTakenForWhatItLooksLike) {
  for (const char* const body :
       {"{\"a\":1}", "[1]", " \r\n\t{", "\xef\xbb\xbf[", "\xef\xbb\xbf {", "\"text\"", " \"a\" \n"})
    EXPECT_EQ(looks_like(body), BodyKind::json) << body;
  for (const char* const body : {"<a/>", "\n<?xml?>", "\xef\xbb\xbf<a>"})
    EXPECT_EQ(looks_like(body), BodyKind::xml) << body;
  for (const char* const body : {"a=b", "", "  ", "\"text", "\"", "(1)", "1' OR '1'='1"})
    EXPECT_EQ(looks_like(body), BodyKind::form) << body;
}

TEST(Readings, EscapesAreRead) {
  EXPECT_EQ(unescaped(R"(a\u0041\x42\n\"\\\/\u20ac)"), "aAB\n\"\\/\u20ac");
  EXPECT_EQ(unescaped(R"(\u12 \x \)"), "u12 x \\");
}

TEST(Readings, PartsAreFoundWithoutAType) {
  using ::testing::ElementsAre;
  EXPECT_THAT(parts_of("--b\r\nh: i\r\n\r\none\r\n--b\r\n\r\ntwo--b--"), ElementsAre("one\r\n", "two"));
  EXPECT_THAT(parts_of("--b\nh: i\n\none\n--b--"), ElementsAre("one\n"));
  for (const char* const text : {"", "a\r\n\r\nb", "--b", "--\r\n"}) EXPECT_THAT(parts_of(text), ElementsAre()) << text;
}

TEST(Readings, ATypeHasTwoParts) {
  for (const char* const field : {"a/b", " text/plain", "multipart/form-data; boundary=x", "application/json;"})
    EXPECT_TRUE(names_a_type(field)) << field;
  for (const char* const field : {"", " ", "json", ";a/b", "/", "/json", "text/", "text/ ;x", " /x"})
    EXPECT_FALSE(names_a_type(field)) << field;
}

}  // namespace
}  // namespace picket::apps::waf
