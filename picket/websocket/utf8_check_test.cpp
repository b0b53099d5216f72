#include "picket/websocket/utf8_check.hpp"

#include <string>

#include <gtest/gtest.h>

#include "picket/websocket/testing/bytes.hpp"

namespace picket::websocket {
namespace {

using testing::raw;

/// The same however it is cut in two.
bool is_text(const std::string& text) {
  std::optional<bool> outcome;
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    Utf8Check check;
    const bool is_one = check.feed(text.substr(0, cut)) && check.feed(text.substr(cut)) && check.is_whole();
    EXPECT_EQ(outcome.value_or(is_one), is_one) << cut;
    outcome = is_one;
  }
  return *outcome;
}

TEST(Utf8Check, WellFormedTextsPassWhereverTheyAreCut) {
  for (const std::string text :
       {"", "plain ascii that is longer than a word or two", "gr\xC3\xBC\xC3\x9F", "\xE2\x82\xAC",
        "\xF0\x9F\x98\x80 and more", "\xEF\xBF\xBF", "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF"})
    EXPECT_TRUE(is_text(text)) << text;
  EXPECT_TRUE(is_text(raw({0})));
}

TEST(Utf8Check, OverlongFormsSurrogatesAndWhatIsTooLargeDoNot) {
  for (const std::string& text :
       {raw({0x80}), raw({0xC0, 0x80}), raw({0xC1, 0xBF}), raw({0xE0, 0x9F, 0xBF}), raw({0xED, 0xA0, 0x80}),
        raw({0xF0, 0x8F, 0xBF, 0xBF}), raw({0xF4, 0x90, 0x80, 0x80}), raw({0xF5, 0x80, 0x80, 0x80}), raw({0xFF}),
        raw({0xC3, 0x28}), raw({0xE2, 0x82, 0x28}), "plain text first " + raw({0xFE})})
    EXPECT_FALSE(is_text(text));
}

TEST(Utf8Check, ACharacterThatIsNotWholeIsNoEnd) {
  Utf8Check check;
  EXPECT_TRUE(check.feed("\xE2\x82"));
  EXPECT_FALSE(check.is_whole());
  EXPECT_TRUE(check.feed("\xAC"));
  EXPECT_TRUE(check.is_whole());
}

TEST(Utf8Check, WhatCannotBecomeATextIsKnownWithItsByte) {
  Utf8Check check;
  EXPECT_FALSE(check.feed("\xED\xA0"));
}

}  // namespace
}  // namespace picket::websocket
