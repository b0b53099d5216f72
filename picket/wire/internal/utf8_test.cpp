#include "picket/wire/internal/utf8.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <simdjson.h>

/// Held to simdjson, and to the definition: a sequence is well formed where it is the one that its code point is
/// written as.
namespace picket::wire::internal {
namespace {

std::string utf8_of(char32_t code_point) {
  std::string text(4, '\0');
  text.resize(static_cast<std::size_t>(write_utf8(text.data(), code_point) - text.data()));
  return text;
}

void expect_as_simdjson(std::string_view text) {
  ASSERT_EQ(is_utf8(text), simdjson::validate_utf8(text.data(), text.size())) << ::testing::PrintToString(text);
}

TEST(Utf8, EachCodePointIsWrittenAsASequenceAndASurrogateIsNone) {
  for (char32_t code_point = 0; code_point <= 0x10FFFF; ++code_point) {
    const std::string text = utf8_of(code_point);
    const bool is_surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    ASSERT_EQ(utf8_sequence(text), is_surrogate ? 0 : text.size()) << static_cast<std::uint32_t>(code_point);
    ASSERT_EQ(simdjson::validate_utf8(text.data(), text.size()), !is_surrogate);
  }
  EXPECT_EQ(utf8_sequence(utf8_of(0x110000)), 0U);
}

TEST(Utf8, EachTwoBytesAndWhatMayFollowThemAreJudgedAsSimdjsonDoes) {
  // The ends of each range of table 3-7, and their neighbours.
  constexpr std::string_view edges{"\x00\x41\x7F\x80\x8F\x90\x9F\xA0\xBF\xC0\xC1\xC2\xDF\xE0\xED\xEF\xF0\xF4\xF5\xFF",
                                   20};
  std::string text(4, '\0');
  for (int first = 0; first < 256; ++first)
    for (int second = 0; second < 256; ++second) {
      text[0] = static_cast<char>(first);
      text[1] = static_cast<char>(second);
      expect_as_simdjson(std::string_view{text}.substr(0, 1));
      expect_as_simdjson(std::string_view{text}.substr(0, 2));
      for (const char third : edges) {
        text[2] = third;
        expect_as_simdjson(std::string_view{text}.substr(0, 3));
        for (const char fourth : {'\x7F', '\x80', '\xBF', '\xC0'}) {
          text[3] = fourth;
          expect_as_simdjson(text);
        }
      }
    }
}

TEST(Utf8, AByteThatIsNotAsciiIsFoundAtEachPlaceOfATextOfEachLength) {
  for (std::size_t size = 0; size <= 100; ++size) {
    // Exactly as long as it is: a sanitizer sees who reads behind it.
    const auto text = std::make_unique<char[]>(size);
    const std::string_view view{text.get(), size};
    std::fill_n(text.get(), size, 'a');
    EXPECT_TRUE(is_ascii(view));
    EXPECT_TRUE(is_utf8(view));
    for (std::size_t at = 0; at < size; ++at) {
      for (const char other : {'\x80', '\xC3', '\xFF'}) {
        text[at] = other;
        ASSERT_FALSE(is_ascii(view)) << size << ' ' << at;
        ASSERT_FALSE(is_utf8(view)) << size << ' ' << at;
      }
      text[at] = '\x7F';
      ASSERT_TRUE(is_ascii(view)) << size << ' ' << at;
      text[at] = 'a';
    }
  }
}

TEST(Utf8, ASequenceThatIsCutIsNoneWhereverItStands) {
  for (const char32_t code_point : {U'\u00E4', U'\u20AC', U'\U0001F600'}) {
    const std::string sequence = utf8_of(code_point);
    for (std::size_t before = 0; before <= 40; ++before)
      for (std::size_t size = 0; size <= sequence.size(); ++size) {
        const std::string text = std::string(before, 'a') + sequence.substr(0, size);
        const bool is_whole = size == 0 || size == sequence.size();
        EXPECT_EQ(is_utf8(text), is_whole) << before << ' ' << size;
        EXPECT_EQ(is_utf8(text + "a"), is_whole) << before << ' ' << size;
      }
  }
}

}  // namespace
}  // namespace picket::wire::internal
