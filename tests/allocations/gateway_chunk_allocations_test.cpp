#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/allocations/counting.hpp"
#include "tests/allocations/gateway_chunks.hpp"

/// A chunk of a body, or a frame of a WebSocket, from one socket of the gateway past an agent that allows it to the
/// other: once warm it allocates nothing, at neither end.
namespace picket::tests {
namespace {

const std::string chunk = "3e8\r\n" + std::string(chunk_size, mark) + "\r\n";

TEST_F(GatewayChunkAllocations, AChunkOfARequestAllocatesNothingOnceWarm) {
  client_->send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk);
  upstream_.accept();
  ASSERT_TRUE(await_marked(upstream_.descriptor(), mark, chunk_size));
  EXPECT_LE(allocations_once_warm([&] {
              client_->send(chunk);
              ASSERT_TRUE(await_marked(upstream_.descriptor(), mark, chunk_size));
            }),
            of_the_process);
}

TEST_F(GatewayChunkAllocations, AChunkOfAnAnswerAllocatesNothingOnceWarm) {
  client_->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  upstream_.accept();
  upstream_.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk);
  ASSERT_TRUE(await_marked(client_->descriptor(), mark, chunk_size));
  EXPECT_LE(allocations_once_warm([&] {
              upstream_.send(chunk);
              ASSERT_TRUE(await_marked(client_->descriptor(), mark, chunk_size));
            }),
            of_the_process);
}

/// A frame of HTTP/2 (RFC 9113 §4.1) on the first stream, or of the connection.
std::string h2_frame(char type, char flags, std::string_view payload, bool is_of_stream = true) {
  const std::size_t size = payload.size();
  std::string frame{static_cast<char>(size >> 16),
                    static_cast<char>(size >> 8),
                    static_cast<char>(size),
                    type,
                    flags,
                    0,
                    0,
                    0,
                    static_cast<char>(is_of_stream ? 1 : 0)};
  return frame.append(payload);
}

/// What a client says that takes all that comes, and then a request's head.
std::string h2_opening(std::string_view head, char flags) {
  const std::string_view any_stream{"\0\4\x7F\xFF\xFF\xFF", 6};  // SETTINGS_INITIAL_WINDOW_SIZE
  const std::string_view any_size{"\x7F\0\0\0", 4};
  return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + h2_frame(4, 0, any_stream, false) + h2_frame(8, 0, any_size, false) +
         h2_frame(1, flags, head);
}

TEST_F(GatewayChunkAllocations, AChunkOfARequestOverHttp2AllocatesNothingOnceWarm) {
  const std::string data = h2_frame(0, 0, std::string(chunk_size, mark));
  client_->send(h2_opening("\x83\x86\x84\1\1a", 4) + data);
  upstream_.accept();
  ASSERT_TRUE(await_marked(upstream_.descriptor(), mark, chunk_size));
  EXPECT_LE(allocations_once_warm([&] {
              client_->send(data);
              ASSERT_TRUE(await_marked(upstream_.descriptor(), mark, chunk_size));
            }),
            of_the_process);
}

TEST_F(GatewayChunkAllocations, AChunkOfAnAnswerOverHttp2AllocatesNothingOnceWarm) {
  client_->send(h2_opening("\x82\x86\x84\1\1a", 5));
  upstream_.accept();
  upstream_.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk);
  ASSERT_TRUE(await_marked(client_->descriptor(), mark, chunk_size));
  EXPECT_LE(allocations_once_warm([&] {
              upstream_.send(chunk);
              ASSERT_TRUE(await_marked(client_->descriptor(), mark, chunk_size));
            }),
            of_the_process);
}

TEST_F(GatewayChunkAllocations, AFrameOfEitherEndAllocatesNothingOnceWarm) {
  client_->send(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  upstream_.accept();
  upstream_.send(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
  skip_head();
  std::array<char, 1024> space{};
  const std::string down = std::string{"\x82\x7E\x03\xE8", 4} + std::string(chunk_size, mark);
  const std::string up = std::string{"\x82\xFE\x03\xE8\0\0\0\0", 8} + std::string(chunk_size, mark);
  // What goes on is masked anew: it is counted whole.
  const auto await = [&](std::size_t left) {
    while (left != 0) {
      const ssize_t size = ::recv(upstream_.descriptor(), space.data(), std::min(space.size(), left), 0);
      ASSERT_GT(size, 0);
      left -= static_cast<std::size_t>(size);
    }
  };
  EXPECT_LE(allocations_once_warm([&] {
              client_->send(up);
              await(up.size());
              upstream_.send(down);
              ASSERT_TRUE(await_marked(client_->descriptor(), mark, chunk_size));
            }),
            of_the_process);
}

}  // namespace
}  // namespace picket::tests
