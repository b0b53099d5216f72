#include "picket/websocket/frame.hpp"

#include <string>

#include <gtest/gtest.h>

#include "picket/websocket/testing/bytes.hpp"

namespace picket::websocket {
namespace {

using testing::raw;

std::string written_head(const FrameHead& head) {
  std::array<char, longest_head> space{};
  return std::string{write_head(space, head)};
}

TEST(Frame, HeadsAreThoseOfTheStandardsExamples) {  // RFC 6455 §5.7
  EXPECT_EQ(written_head({.opcode = Opcode::text, .size = 5}), raw({0x81, 0x05}));
  EXPECT_EQ(written_head({.opcode = Opcode::text, .fin = false, .size = 3}), raw({0x01, 0x03}));
  EXPECT_EQ(written_head({.opcode = Opcode::continuation, .size = 2}), raw({0x80, 0x02}));
  EXPECT_EQ(written_head({.opcode = Opcode::binary, .size = 256}), raw({0x82, 0x7E, 0x01, 0x00}));
  EXPECT_EQ(written_head({.opcode = Opcode::binary, .size = 65536}), raw({0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0}));
  EXPECT_EQ(written_head({.opcode = Opcode::text, .size = 5, .mask = testing::some_key}),
            raw({0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D}));
}

TEST(Frame, ALengthIsWrittenInItsShortestForm) {
  for (const std::uint64_t size : {0U, 125U, 126U, 65535U, 65536U})
    EXPECT_EQ(written_head({.size = size}).size(), head_size(size, false)) << size;
  EXPECT_EQ(head_size(125, false), 2U);
  EXPECT_EQ(head_size(126, false), 4U);
  EXPECT_EQ(head_size(65535, true), 8U);
  EXPECT_EQ(head_size(65536, true), longest_head);
}

TEST(Frame, AMaskIsPutOnAndTakenOffWhereverTheBytesAreCut) {
  const std::string text = "The quick brown fox jumps over the lazy dog";
  std::string whole = text;
  mask(whole, testing::some_key);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    std::string pieces = text;
    mask(std::span{pieces}.first(cut), testing::some_key);
    mask(std::span{pieces}.subspan(cut), testing::some_key, cut);
    EXPECT_EQ(pieces, whole) << cut;
  }
  mask(whole, testing::some_key);
  EXPECT_EQ(whole, text);
  std::string hello = "Hello";
  mask(hello, testing::some_key);
  EXPECT_EQ(hello, raw({0x7F, 0x9F, 0x4D, 0x51, 0x58}));  // RFC 6455 §5.7
}

}  // namespace
}  // namespace picket::websocket
