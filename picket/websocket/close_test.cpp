#include "picket/websocket/close.hpp"

#include <string>

#include <gtest/gtest.h>

#include "picket/websocket/testing/bytes.hpp"

namespace picket::websocket {
namespace {

using testing::raw;

TEST(CloseFrame, CodesThatAreNeverSentAreNone) {
  for (const unsigned code : {0U, 999U, 1004U, 1005U, 1006U, 1015U, 1016U, 2999U, 5000U, 65535U})
    EXPECT_FALSE(may_be_sent(static_cast<std::uint16_t>(code))) << code;
  for (const unsigned code : {1000U, 1001U, 1003U, 1007U, 1011U, 1014U, 3000U, 4999U})
    EXPECT_TRUE(may_be_sent(static_cast<std::uint16_t>(code))) << code;
}

TEST(CloseFrame, APayloadIsNothingOrACodeAndAText) {
  EXPECT_TRUE(is_close_payload(""));
  EXPECT_TRUE(is_close_payload(raw({0x03, 0xE8})));
  EXPECT_TRUE(is_close_payload(raw({0x03, 0xE8}) + "bye"));
  EXPECT_FALSE(is_close_payload(raw({0x03})));
  EXPECT_FALSE(is_close_payload(raw({0x03, 0xED})));
  EXPECT_FALSE(is_close_payload(raw({0x03, 0xE8, 0xC3})));
}

TEST(CloseFrame, IsWrittenWithItsMaskOrWithout) {
  EXPECT_EQ((CloseFrame{1009, "big", {}}.text()), raw({0x88, 5, 0x03, 0xF1}) + "big");
  EXPECT_EQ((CloseFrame{1009, "big", testing::some_key}.text()),
            testing::frame(Opcode::close, raw({0x03, 0xF1}) + "big"));
  const std::string longest(longest_reason, 'x');
  EXPECT_EQ((CloseFrame{1000, longest, testing::some_key}.text().size()), 6 + longest_control);
}

TEST(CloseFrame, AReasonIsShortAndText) {
  EXPECT_TRUE(is_reason(std::string(123, 'x')));
  EXPECT_FALSE(is_reason(std::string(124, 'x')));
  EXPECT_FALSE(is_reason("\xFF"));
}

}  // namespace
}  // namespace picket::websocket
