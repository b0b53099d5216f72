#include "picket/guardrail/json_text.hpp"

#include <gtest/gtest.h>

#include "picket/guardrail/json_scanner.hpp"

namespace picket::guardrail {
namespace {

std::string decoded(std::string_view raw) {
  base::RecycledString out;
  return decode(raw, out) ? std::string{out} : "no string";
}

TEST(JsonText, EscapesAreWhatTheyStandFor) {
  EXPECT_EQ(decoded(R"(a\"b\\c\/d\b\f\n\r\t)"), "a\"b\\c/d\b\f\n\r\t");
  EXPECT_EQ(decoded(R"(\u0034\u00e9\u20AC)"), "4\xC3\xA9\xE2\x82\xAC");
  EXPECT_EQ(decoded(R"(\ud83d\ude00)"), "\xF0\x9F\x98\x80");
}

TEST(JsonText, WhatIsNoTextIsReplaced) {
  const std::string none = "\xEF\xBF\xBD";
  EXPECT_EQ(decoded(R"(\ud83dx)"), none + "x");
  EXPECT_EQ(decoded(R"(\ude00)"), none);
  EXPECT_EQ(decoded(R"(\ud83d\u0041)"), none + "A");
  EXPECT_EQ(decoded("\x80z"), none + "z");
  EXPECT_EQ(decoded("\xC0\xAF"), none + none);
  EXPECT_EQ(decoded("\xED\xA0\x80"), none + none + none);
  EXPECT_EQ(decoded("\xF4\x90\x80\x80"), none + none + none + none);
  EXPECT_EQ(decoded("\xE2\x82"), none + none);
}

TEST(JsonText, WhatNoStringMayHoldIsRefused) {
  for (const std::string_view raw : {"\n", "\"", "\\", "\\x", "\\u12", "\\u12g4"}) EXPECT_EQ(decoded(raw), "no string");
}

TEST(JsonText, WhatIsWrittenIsReadAsItWas) {
  const std::string text = "\"\\\x01\n\xC3\xA9/";
  base::Buffer out;
  write_escaped(text, out);
  EXPECT_EQ(decoded(out.text()), text);
}

std::string kinds_of(std::string_view text) {
  JsonScanner scanner{text};
  std::string kinds;
  while (true) {
    const Token token = scanner.next();
    kinds += "{[]kSNLE!"[static_cast<std::size_t>(token.kind)];
    if (token.kind == Token::Kind::end || token.kind == Token::Kind::invalid) return kinds;
  }
}

TEST(JsonScanner, ADocumentIsItsTokens) {
  EXPECT_EQ(kinds_of(R"( {"a": [1, -2.5e+3, "x"], "b": {}, "c": null} )"), "{k[NNS]k{]kL]E");
  EXPECT_EQ(kinds_of("0"), "NE");
  EXPECT_EQ(kinds_of("[]"), "[]E");
}

TEST(JsonScanner, WhatIsNoJsonIsInvalid) {
  for (const std::string_view text : {"",
                                      " ",
                                      "{",
                                      "[",
                                      "[1",
                                      "[1,",
                                      "[1,]",
                                      "{,}",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{1:2}",
                                      "01",
                                      "1.",
                                      "1e",
                                      "-",
                                      "tru",
                                      "\"a",
                                      "\"a\nb\"",
                                      "\"\\x\"",
                                      "1 2",
                                      "{} {}",
                                      "[}",
                                      "nul",
                                      "+1",
                                      "'a'",
                                      "\"\xFF\"",
                                      "\"\xC0\xAF\"",
                                      "\"\xED\xA0\x80\"",
                                      "{\"\xE2\x82\":1}"})
    EXPECT_EQ(kinds_of(text).back(), '!') << text;
}

TEST(JsonScanner, AnErrorStays) {
  JsonScanner scanner{"[01]"};
  static_cast<void>(scanner.next());
  static_cast<void>(scanner.next());
  EXPECT_EQ(scanner.next().kind, Token::Kind::invalid);
  EXPECT_EQ(scanner.next().kind, Token::Kind::invalid);
}

TEST(JsonScanner, NestingHasAnEnd) {
  const std::size_t most = JsonScanner::most_depth;
  EXPECT_EQ(kinds_of(std::string(most, '[') + std::string(most, ']')).back(), 'E');
  EXPECT_EQ(kinds_of(std::string(most + 1, '[') + std::string(most + 1, ']')).back(), '!');
}

}  // namespace
}  // namespace picket::guardrail
