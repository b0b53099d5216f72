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

TEST(Handshake, AClientsKeyIsSixteenBytesInBase64AndNothingElse) {
  EXPECT_TRUE(is_key("dGhlIHNhbXBsZSBub25jZQ=="));
  EXPECT_TRUE(is_key("AAAAAAAAAAAAAAAAAAAAAA=="));
  EXPECT_TRUE(is_key("+/////////////////////=="));
  for (const char* const none :
       {"", "==", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===", "dGhlIHNhbXBsZSBub25jZQAA",
        "dGhlIHNhbXBsZSBub25j=Q==", "dGhlIHNhbXBsZSBub25j Q==", "dGhlIHNhbXBsZSBub25j-Q=="})
    EXPECT_FALSE(is_key(none)) << none;
}

}  // namespace
}  // namespace picket::websocket
