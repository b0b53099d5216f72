#include "picket/websocket/head_reader.hpp"

#include <string>

#include <gtest/gtest.h>

#include "picket/websocket/testing/bytes.hpp"

namespace picket::websocket {
namespace {

using testing::raw;
using testing::some_key;

/// The breach with its byte: everything before it is taken without complaint.
std::optional<Breach> breach_of(std::string bytes, Sender sender) {
  HeadReader reader{sender};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::span<char> one{&bytes[i], 1};
    const auto read = reader.read(one);
    if (!read) {
      EXPECT_EQ(i + 1, bytes.size()) << "it was known before";
      return read.error();
    }
  }
  return std::nullopt;
}

TEST(HeadReader, ReadsAHeadThatIsCutAtEveryByte) {
  for (const std::uint64_t size : {0ULL, 125ULL, 126ULL, 65'535ULL, 65'536ULL, 0x7FFF'FFFF'FFFF'FFFFULL}) {
    const FrameHead wanted{.opcode = Opcode::binary, .fin = false, .size = size, .mask = some_key};
    std::array<char, longest_head> space{};
    const std::string bytes{write_head(space, wanted)};
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      HeadReader reader{Sender::client};
      std::string text = bytes + "payload";
      std::span<char> front = std::span{text}.first(cut);
      EXPECT_EQ(reader.read(front).value(), std::nullopt) << cut;
      EXPECT_TRUE(front.empty());
      std::span<char> rest = std::span{text}.subspan(cut);
      EXPECT_EQ(reader.read(rest).value(), wanted) << size << ' ' << cut;
      EXPECT_EQ(rest.size(), 7U) << "what stands behind is left";
    }
  }
}

TEST(HeadReader, ReadsOneHeadAfterTheOther) {
  HeadReader reader{Sender::server};
  std::string bytes = raw({0x89, 0x00, 0x8A, 0x00});
  std::span<char> rest{bytes};
  EXPECT_EQ(reader.read(rest).value(), (FrameHead{.opcode = Opcode::ping}));
  EXPECT_EQ(reader.read(rest).value(), (FrameHead{.opcode = Opcode::pong}));
}

TEST(HeadReader, AReservedBitIsABreach) {
  for (const unsigned bit : {0x40U, 0x20U, 0x10U})
    EXPECT_EQ(breach_of(raw({0x81 | bit}), Sender::client), Breach::reserved_bits);
}

TEST(HeadReader, AnUnknownOpcodeIsABreach) {
  for (unsigned opcode = 0; opcode < 16; ++opcode) {
    const bool is_known = opcode <= 2 || (opcode >= 8 && opcode <= 10);
    EXPECT_EQ(breach_of(raw({0x80 | opcode}), Sender::client),
              is_known ? std::nullopt : std::optional{Breach::unknown_opcode});
  }
}

TEST(HeadReader, AClientMasksAndAServerDoesNot) {
  EXPECT_EQ(breach_of(raw({0x81, 0x01}), Sender::client), Breach::masking);
  EXPECT_EQ(breach_of(raw({0x81, 0x81}), Sender::server), Breach::masking);
}

TEST(HeadReader, AControlFrameIsWholeAndShort) {
  for (const unsigned opcode : {8U, 9U, 10U}) {
    EXPECT_EQ(breach_of(raw({opcode}), Sender::client), Breach::fragmented_control);
    EXPECT_EQ(breach_of(raw({0x80 | opcode, 0x80 | 126}), Sender::client), Breach::long_control);
    EXPECT_EQ(breach_of(raw({0x80 | opcode, 0x80 | 127}), Sender::client), Breach::long_control);
    EXPECT_EQ(breach_of(raw({0x80 | opcode, 0x80 | 125}), Sender::client), std::nullopt);
  }
}

TEST(HeadReader, ALengthInALongerFormThanItNeedsIsABreach) {
  EXPECT_EQ(breach_of(raw({0x82, 126, 0, 125}), Sender::server), Breach::length);
  EXPECT_EQ(breach_of(raw({0x82, 126, 0, 126}), Sender::server), std::nullopt);
  EXPECT_EQ(breach_of(raw({0x82, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}), Sender::server), Breach::length);
  EXPECT_EQ(breach_of(raw({0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}), Sender::server), std::nullopt);
}

TEST(HeadReader, ALengthWithItsTopBitIsABreachAtOnce) {
  EXPECT_EQ(breach_of(raw({0x82, 127, 0x80}), Sender::server), Breach::length);
}

}  // namespace
}  // namespace picket::websocket
