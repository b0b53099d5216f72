#include "picket/http/head_fields.hpp"

#include <string>

#include <gtest/gtest.h>

namespace picket::http {
namespace {

TEST(TakeLine, ALineEndsInCrlfAndInNothingElse) {
  std::string_view rest = "one\r\n\r\ntwo\n";
  EXPECT_EQ(take_line(rest), "one");
  EXPECT_EQ(take_line(rest), "");
  EXPECT_EQ(take_line(rest), std::nullopt) << "a bare LF";
  EXPECT_EQ(rest, "two\n");
  for (std::string_view none : {"", "three", "\n", "four\r"}) EXPECT_EQ(take_line(none), std::nullopt) << none;
}

TEST(ControlCharacter, SaysWhichKindItIs) {
  EXPECT_EQ(control_character("a\tb\xff"), std::nullopt);
  EXPECT_EQ(control_character(std::string{"a\0\r", 3})->reason, "a NUL byte in the head");
  EXPECT_EQ(control_character("a\rb")->reason, "a bare CR or LF in the head");
  EXPECT_EQ(control_character("a\x7f")->reason, "a control character in the head");
}

/// What is wrong with the only line.
std::string_view wrong(std::string_view line) {
  base::Arena arena;
  HeadFields fields{arena};
  const std::string lines = std::string{line} + "\r\n\r\n";
  const auto error = fields.read(lines, 10);
  return error ? error->reason : std::string_view{};
}

TEST(HeadFields, AnErrorSaysWhatIsWrongWithTheLine) {
  EXPECT_EQ(wrong("A: b"), "");
  EXPECT_EQ(wrong(" A: b"), "a field that is folded over lines (obs-fold)");
  EXPECT_EQ(wrong("A"), "a header line without a colon");
  EXPECT_EQ(wrong("A : b"), "a header name that is no token, such as white space before the colon");
  EXPECT_EQ(wrong("A: b\rC: d"), "a bare CR or LF in the head");
  EXPECT_EQ(wrong("Content-Length: 1, 1"), "a Content-Length that is not one number");
  EXPECT_EQ(wrong("Transfer-Encoding: gzip"), "a Transfer-Encoding other than chunked");
}

TEST(HeadFields, WhatOnlyRequestsRefuseIsToldAsAValue) {
  base::Arena arena;
  HeadFields fields{arena};
  ASSERT_FALSE(fields.read("Host: a b\r\nhost: a\r\nConnection: close, x y\r\nExpect: a, 100-Continue\r\n\r\n", 10));
  EXPECT_EQ(fields.hosts(), 2U);
  EXPECT_TRUE(fields.has_malformed_host());
  EXPECT_TRUE(fields.has_malformed_connection());
  EXPECT_FALSE(fields.keeps_alive(11));
  EXPECT_TRUE(fields.expects_continue());
}

TEST(HeadFields, EveryControlCharacterIsFoundWhereverItStands) {
  for (std::size_t size = 1; size <= 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string value(size, 'v');
        value[at] = static_cast<char>(byte);
        const bool is_control = (byte < 0x20 && byte != '\t') || byte == 0x7F;
        ASSERT_EQ(is_field_value(value), !is_control) << size << " bytes, " << byte << " at " << at;
      }
    }
  }
}

}  // namespace
}  // namespace picket::http
