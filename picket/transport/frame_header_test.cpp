#include "picket/transport/frame_header.hpp"

#include <string>

#include <gtest/gtest.h>

namespace picket::transport {
namespace {

using wire::FrameType;

std::string frame(FrameType type, std::string_view payload) {
  std::string bytes(frame_header_size, '\0');
  write_frame_header(bytes.data(), type, payload.size());
  return bytes.append(payload);
}

TEST(FrameHeader, TruncatedFrameIsHeldNotRejected) {
  const std::string whole = frame(FrameType::ping, "{}");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto peek = peek_frame(std::string_view{whole}.substr(0, size));
    ASSERT_TRUE(peek) << size;
    EXPECT_FALSE(peek->frame) << size;
    EXPECT_GT(peek->needed, size);
  }
}

TEST(FrameHeader, WholeFrameIsFoundBeforeTheNextOne) {
  const std::string bytes = frame(FrameType::ping, "{}") + frame(FrameType::pong, "");
  const auto first = peek_frame(bytes);
  ASSERT_TRUE(first && first->frame);
  EXPECT_EQ(first->frame->type, FrameType::ping);
  EXPECT_EQ(first->frame->payload, "{}");
  const auto second = peek_frame(std::string_view{bytes}.substr(first->needed));
  ASSERT_TRUE(second && second->frame);
  EXPECT_EQ(second->frame->type, FrameType::pong);
  EXPECT_EQ(second->frame->payload, "");
}

TEST(FrameHeader, LengthZeroIsRefusedAtOnce) {
  const auto peek = peek_frame(std::string_view{"\0\0\0\0", 4});
  ASSERT_FALSE(peek);
  EXPECT_EQ(peek.error().kind(), base::ErrorKind::invalid_message);
}

TEST(FrameHeader, LengthOverTheLimitIsRefusedBeforeItsPayloadArrives) {
  const auto exact = peek_frame(std::string_view{"\x01\0\0\0\x10", 5});
  EXPECT_TRUE(exact);
  const auto over = peek_frame(std::string_view{"\x01\0\0\x01", 4});
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().kind(), base::ErrorKind::message_too_large);
}

TEST(FrameHeader, WhoSpeaksAnotherProtocolIsNamed) {
  for (const auto& [bytes, says] :
       {std::pair{std::string{"PRI * HTTP/2.0"}, "HTTP/2 begins: gRPC is spoken there"},
        std::pair{std::string{"\0\0\x18\x04\0\0\0\0\0", 9}, "HTTP/2 answers: gRPC is spoken there"},
        std::pair{std::string{"\x16\x03\x01\x02\0\x01", 6}, "TLS begins"},
        std::pair{std::string{"\x15\x03\x03\0\x02\x02", 6}, "TLS says that it did not understand us"},
        std::pair{std::string{"HTTP/1.1 400 Bad Request"}, "HTTP answers"}}) {
    const auto peek = peek_frame(bytes);
    ASSERT_FALSE(peek) << says;
    EXPECT_NE(peek.error().detail().find(says), std::string::npos) << peek.error().detail();
  }
  const auto frames = peek_frame(std::string_view{"\0\0\0\x01\0", 5});
  EXPECT_EQ(frames.error().detail(), "unknown frame type 0x00");
}

TEST(FrameHeader, EveryByteThatIsNoTypeIsRefused) {
  int known = 0;
  for (int type = 0; type < 256; ++type) {
    std::string bytes{"\0\0\0\x01", 4};
    bytes += static_cast<char>(type);
    const auto peek = peek_frame(bytes);
    EXPECT_EQ(peek.has_value(), is_known(static_cast<FrameType>(type))) << type;
    known += peek.has_value() ? 1 : 0;
  }
  EXPECT_EQ(known, 19);
}

}  // namespace
}  // namespace picket::transport
