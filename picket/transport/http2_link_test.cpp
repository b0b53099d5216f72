#include "picket/transport/http2_link.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "picket/transport/testing.hpp"

namespace picket::transport {
namespace {

/// A server that reads a body to its end, and expects more of it with each piece.
class Reader final : public Http2Link::Owner {
 public:
  Reader(Worker& worker, int descriptor, std::size_t expects)
      : link_(std::make_shared<Http2Link>(Channel{worker, descriptor}, http2::Role::server, http2::Limits{}, *this)),
        expects_(expects) {
    link_->serve();
  }
  ~Reader() { link_->close(); }

  std::size_t came = 0;
  std::size_t most_unanswered = 0;  // bytes

 private:
  void on_connected() override {}
  void before_answering() override { unanswered_ = 0; }
  void on_over(const base::Error& reason) override { ADD_FAILURE() << reason.message(); }
  void on_head(http2::StreamId, http2::HeadKind, base::Headers, bool) override {}
  void on_data(http2::StreamId id, std::string_view bytes) override {
    came += bytes.size();
    most_unanswered = std::max(most_unanswered, unanswered_ += bytes.size());
    link_->connection().taken(id, bytes.size());
    link_->expect(expects_);
  }
  void on_end(http2::StreamId) override {}
  void on_closed(http2::StreamId, http2::ErrorCode) override {}
  void on_goaway(http2::StreamId, http2::ErrorCode, std::string_view) override {}

  std::shared_ptr<Http2Link> link_;
  std::size_t expects_;
  std::size_t unanswered_ = 0;
};

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint8_t stream, std::string_view payload) {
  std::string out;
  for (const int shift : {16, 8, 0}) out += static_cast<char>(payload.size() >> shift & 0xff);
  for (const std::uint8_t byte : {type, flags, std::uint8_t{0}, std::uint8_t{0}, std::uint8_t{0}, stream})
    out += static_cast<char>(byte);
  return out += payload;
}

/// A body of which reads are full, again and again, is heard and answered read by read: pings and windows do not wait
/// for a pause.
TEST(Http2Links, ABodyThatNeverPausesIsAnsweredReadByRead) {
  constexpr std::size_t expected = 8000;
  constexpr std::size_t first_pass = 4096;
  constexpr std::size_t pass = expected + 512;
  constexpr std::size_t passes = 6;
  std::string said = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, "") +
                     frame(1, 4, 1,
                           std::string_view{"\x83\x86\x84\x41\x01"
                                            "a",
                                            6});  // POST http://a/
  while (said.size() < first_pass + passes * pass) {
    const std::size_t left = first_pass + passes * pass - said.size();
    ASSERT_GT(left, 9U);
    said += frame(0, 0, 1, std::string(std::min<std::size_t>(left - 9, 10'000), 'b'));
  }
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
  ASSERT_EQ(::send(ends[1], said.data(), said.size(), 0), std::ssize(said));
  Worker worker;
  Reader reader{worker, ends[0], expected};
  EXPECT_TRUE(testing::turn_until(worker, [&] { return reader.came > passes * pass - 1000; }));
  EXPECT_LE(reader.most_unanswered, first_pass + pass);
  ::close(ends[1]);
}

}  // namespace
}  // namespace picket::transport
