#include "apps/gateway/logs/json_line.hpp"

#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picket/base/arena.hpp"
#include "picket/base/limits.hpp"
#include "picket/wire/codec.hpp"

namespace picket::apps::gateway::logs {
namespace {

using namespace std::string_view_literals;

/// A line that holds `value` as its one field, read again by a JSON parser.
class Lines : public ::testing::Test {
 protected:
  std::string line_of(std::string_view value) {
    line_.begin();
    line_.text("v", value);
    return std::string{line_.end()};
  }
  std::string read_again(std::string_view line) {
    std::string padded{line};
    padded.append(base::limits::tail_padding, '\0');
    const auto parsed = wire::parse_json(std::string_view{padded}.substr(0, line.size()), arena_);
    if (!parsed) {
      ADD_FAILURE() << parsed.error().message() << " in " << line;
      return {};
    }
    const auto* const value = parsed->find("v");
    const auto* const text = value != nullptr ? value->get<std::string_view>() : nullptr;
    if (text == nullptr) {
      ADD_FAILURE() << "no text in " << line;
      return {};
    }
    return std::string{*text};
  }
  std::string through(std::string_view value) { return read_again(line_of(value)); }

  JsonLine line_;
  base::Arena arena_;
};

TEST_F(Lines, FieldsStandInTheOrderOfTheirCalls) {
  const std::vector<wire::Text> rules{"942100", "9\"1"};
  line_.begin();
  line_.text("id", "x");
  line_.number("status", 403);
  line_.null("agent");
  TextRoom room;
  line_.texts("rule_ids", rules, room);
  line_.texts("tags", {}, room);
  line_.number("max", std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(
      line_.end(),
      R"({"id":"x","status":403,"agent":null,"rule_ids":["942100","9\"1"],"tags":[],"max":18446744073709551615})");
}

TEST_F(Lines, AFieldLessLineIsAnEmptyObject) {
  line_.begin();
  EXPECT_EQ(line_.end(), "{}");
}

TEST_F(Lines, ALineHasNothingOfTheOneBefore) {
  line_of("a long value that is gone");
  EXPECT_EQ(line_of("b"), R"({"v":"b"})");
}

TEST_F(Lines, EveryByteBelow128ComesBackAndNoneBreaksTheLine) {
  for (int byte = 0; byte < 128; ++byte) {
    const std::string value = {'a', static_cast<char>(byte), 'b'};
    const std::string line = line_of(value);
    for (const char c : line) ASSERT_GE(c, 0x20) << "a control character is written as it is: " << byte;
    EXPECT_EQ(read_again(line), value) << byte;
  }
}

TEST_F(Lines, Utf8IsWrittenAsItIs) {
  for (const auto value : {"gr\xc3\xbc\xc3\x9f"sv, "\xe2\x82\xac"sv, "\xf0\x9f\x98\x80"sv, "\xef\xbf\xbf"sv})
    EXPECT_EQ(through(value), value);
}

TEST_F(Lines, WhatIsNoUtf8BecomesTheReplacementCharacter) {
  constexpr std::string_view replacement = "\xef\xbf\xbd";
  for (const auto bad : {"\xff"sv, "\x80"sv, "\xc3"sv, "\xc0\xaf"sv, "\xed\xa0\x80"sv, "\xf5\x80\x80\x80"sv,
                         "\xe2\x82"sv, "\xf0\x9f\x98"sv}) {
    const std::string got = through("<" + std::string{bad} + ">");
    EXPECT_TRUE(got.starts_with("<" + std::string{replacement})) << ::testing::PrintToString(std::string{bad});
    EXPECT_TRUE(got.ends_with(">")) << "what follows is kept";
  }
}

TEST_F(Lines, AnyBytesMakeALineThatParses) {
  std::mt19937 random{3};
  for (int i = 0; i < 20'000; ++i) {
    std::string value(random() % 40, '\0');
    for (char& c : value) c = static_cast<char>(random());
    const std::string line = line_of(value);
    ASSERT_EQ(line.find('\n'), std::string::npos);
    arena_.reset();
    (void)read_again(line);
    ASSERT_FALSE(HasFailure());
  }
}

}  // namespace
}  // namespace picket::apps::gateway::logs
