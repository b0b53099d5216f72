#include "picket/websocket/handshake.hpp"

#include <gtest/gtest.h>

namespace picket::websocket {
namespace {

TEST(Handshake, TheAnswerToAKeyIsTheStandards) {  // RFC 6455 §1.3
  EXPECT_EQ(accept_of("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(Handshake, AKeyIsSixteenBytesInBase64) {
  std::array<std::uint8_t, 16> nonce{};
  const std::string_view sample = "the sample nonce";
  std::copy(sample.begin(), sample.end(), nonce.begin());
  EXPECT_EQ(key_of(nonce), "dGhlIHNhbXBsZSBub25jZQ==");
}

}  // namespace
}  // namespace picket::websocket
