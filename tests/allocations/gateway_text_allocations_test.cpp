#include <array>
#include <random>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "tests/allocations/counting.hpp"
#include "tests/allocations/gateway_chunks.hpp"

/// Bodies that are read before an agent sees them: texts of language models, and what comes compressed. A piece of
/// either, once warm, allocates nothing.
namespace picket::tests {
namespace {

std::string chunk_of(std::string_view bytes) {
  return fmt::format("{:x}\r\n", bytes.size()).append(bytes).append("\r\n");
}

class GatewayGuardrailAllocations : public GatewayChunkAllocations {
 protected:
  void change(apps::gateway::config::Config& config) const override {
    config.agents.front().events = {.guardrail = true};
    config.routes.front().filters.clear();
    config.routes.front().guardrail.emplace();
  }
};

/// What the window holds back of one piece goes on with the next.
TEST_F(GatewayGuardrailAllocations, APieceOfAModelsAnswerAllocatesNothingOnceWarm) {
  const std::string prompt = R"({"model":"m","stream":true,"messages":[{"role":"user","content":"Hello"}]})";
  client_->send(
      fmt::format("POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                  "Content-Length: {}\r\n\r\n{}",
                  prompt.size(), prompt));
  upstream_.accept();
  const std::string words = std::string(chunk_size, mark) + " ";
  const std::string piece = chunk_of(R"(data: {"choices":[{"index":0,"delta":{"content":")" + words + "\"}}]}\n\n");
  upstream_.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" + piece);
  EXPECT_LE(allocations_once_warm([&] {
              upstream_.send(piece);
              ASSERT_TRUE(await_marked(client_->descriptor(), mark, chunk_size));
            }),
            of_the_process);
}

class GatewayDecompressedAllocations : public GatewayChunkAllocations {
 protected:
  void change(apps::gateway::config::Config& config) const override { config.agents.front().decompress = true; }
};

/// One that sends what it has after each piece.
class Compressing {
 public:
  Compressing() { EXPECT_EQ(::deflateInit2(&stream_, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK); }
  Compressing(const Compressing&) = delete;
  Compressing& operator=(const Compressing&) = delete;
  ~Compressing() { ::deflateEnd(&stream_); }
  /// Lifetime: until the next.
  [[nodiscard]] std::string_view compress(std::string_view bytes) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // it is only read
    stream_.avail_in = static_cast<uInt>(bytes.size());
    stream_.next_out = reinterpret_cast<Bytef*>(space_.data());
    stream_.avail_out = static_cast<uInt>(space_.size());
    EXPECT_EQ(::deflate(&stream_, Z_SYNC_FLUSH), Z_OK);
    return {space_.data(), space_.size() - stream_.avail_out};
  }

 private:
  z_stream stream_{};
  std::array<char, 8192> space_{};
};

TEST_F(GatewayDecompressedAllocations, APieceOfACompressedAnswerAllocatesNothingOnceWarm) {
  // As text is, not as a bomb.
  std::string text;
  std::minstd_rand random;
  for (std::size_t i = 0; i < chunk_size; ++i) text.append({mark, static_cast<char>('a' + random() % 26)});
  Compressing gzip;
  std::array<char, 16> size{};
  const auto send = [&] {
    const std::string_view piece = gzip.compress(text);
    const auto end = fmt::format_to(size.begin(), "{:x}\r\n", piece.size());
    upstream_.send({size.begin(), end});
    upstream_.send(piece);
    upstream_.send("\r\n");
  };
  client_->send("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
  upstream_.accept();
  upstream_.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_LE(allocations_once_warm([&] {
              send();
              ASSERT_TRUE(await_marked(client_->descriptor(), mark, chunk_size));
            }),
            of_the_process);
}

}  // namespace
}  // namespace picket::tests
