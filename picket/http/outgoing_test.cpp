#include "picket/http/outgoing.hpp"

#include <string>

#include <gtest/gtest.h>

namespace picket::http {
namespace {

std::string bytes(std::string_view head, std::string_view piece, bool chunked, bool last) {
  Outgoing outgoing{head, piece, chunked, last};
  std::string all;
  for (const iovec& part : outgoing.parts()) {
    EXPECT_NE(part.iov_len, 0U) << "an empty part";
    all.append(static_cast<const char*>(part.iov_base), part.iov_len);
  }
  return all;
}

TEST(Outgoing, APieceOfABodyWithALengthGoesAsItIs) {
  EXPECT_EQ(bytes("HEAD\r\n\r\n", "body", false, false), "HEAD\r\n\r\nbody");
  EXPECT_EQ(bytes("", "more", false, true), "more");
}

TEST(Outgoing, AChunkHasItsSizeInHexadecimal) {
  const std::string piece(0xABC, 'x');
  EXPECT_EQ(bytes("", piece, true, false), "abc\r\n" + piece + "\r\n");
}

TEST(Outgoing, NoPieceIsNoChunkSinceThatWouldEndTheBody) {
  EXPECT_EQ(bytes("HEAD\r\n\r\n", "", true, false), "HEAD\r\n\r\n");
}

TEST(Outgoing, TheLastChunkEndsTheBody) {
  EXPECT_EQ(bytes("", "end", true, true), "3\r\nend\r\n0\r\n\r\n");
  EXPECT_EQ(bytes("HEAD\r\n\r\n", "", true, true), "HEAD\r\n\r\n0\r\n\r\n");
}

TEST(Outgoing, TheLargestSizeHasRoom) { EXPECT_EQ(ChunkSize{~std::size_t{0}}.text(), "ffffffffffffffff\r\n"); }

}  // namespace
}  // namespace picket::http
