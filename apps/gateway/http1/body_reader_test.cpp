#include "apps/gateway/http1/body_reader.hpp"

#include <string>

#include <gtest/gtest.h>

#include "apps/gateway/testing/loop.hpp"

namespace picket::apps::gateway::http1 {
namespace {

using namespace std::chrono_literals;
using http::Framing;
using testing::Pair;
using testing::run;

struct Read {
  std::string body;
  std::optional<base::ErrorKind> error;
};

class Bodies : public ::testing::Test {
 protected:
  /// Reads to the end of the body, `room` bytes at a time.
  static transport::Task<Read> read_all(BodyReader& reader, std::size_t room, base::Duration patience = 10s) {
    Read result;
    std::string memory(room, '\0');
    while (!reader.done()) {
      const std::span<char> into{memory};
      const base::Deadline deadline{base::Clock::now() + patience};
      const auto size = co_await reader.read(into, deadline);
      if (!size) {
        result.error = size.error().kind();
        break;
      }
      result.body += std::string_view{memory}.substr(0, *size);
    }
    co_return result;
  }
  Read read(BodyReader& reader, std::size_t room = 7) { return run(worker_, read_all(reader, room)); }

  transport::Worker worker_;
  Pair pair_{worker_};
  base::Buffer buffered_;
};

TEST_F(Bodies, NoBodyIsDoneAtOnce) {
  buffered_.append("GET /next");
  for (const Framing framing : {Framing::none, Framing::length}) {
    const BodyReader reader{pair_.stream, buffered_, framing, 0};
    EXPECT_TRUE(reader.done());
    EXPECT_TRUE(reader.is_buffered());
  }
  EXPECT_EQ(buffered_.text(), "GET /next");
}

TEST_F(Bodies, ALengthIsReadFromTheBufferThenTheSocketAndNoByteFurther) {
  buffered_.append("0123");
  pair_.send("456789GET /next");
  BodyReader reader{pair_.stream, buffered_, Framing::length, 10};
  EXPECT_FALSE(reader.is_buffered());
  EXPECT_EQ(read(reader).body, "0123456789");
  // The next request is still in the socket.
  BodyReader next{pair_.stream, buffered_, Framing::length, 9};
  EXPECT_EQ(read(next).body, "GET /next");
}

TEST_F(Bodies, ABodyThatCameWithItsHeadLeavesTheNextRequestInTheBuffer) {
  buffered_.append("abcGET /");
  BodyReader length{pair_.stream, buffered_, Framing::length, 3};
  EXPECT_TRUE(length.is_buffered());
  EXPECT_EQ(read(length).body, "abc");
  EXPECT_EQ(buffered_.text(), "GET /");
  buffered_.clear();
  buffered_.append("3\r\nabc\r\n0\r\n\r\nGET /");
  BodyReader chunked{pair_.stream, buffered_, Framing::chunked, 0};
  EXPECT_EQ(read(chunked).body, "abc");
  EXPECT_EQ(buffered_.text(), "GET /");
}

// ---- bodies that have come already

TEST_F(Bodies, ABodyThatCameWithItsHeadIsTakenWholeFromWhereItLies) {
  buffered_.append("abcGET /");
  const char* const at = buffered_.data();
  BodyReader reader{pair_.stream, buffered_, Framing::length, 3};
  const auto whole = reader.take_whole();
  ASSERT_TRUE(whole);
  EXPECT_EQ(base::as_text(*whole), "abc");
  EXPECT_EQ(base::as_text(*whole).data(), at);
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(buffered_.text(), "GET /");
}

TEST_F(Bodies, ABodyThatCameBehindItsHeadIsTakenWholeAndNoByteFurther) {
  buffered_.append("0123");
  pair_.send("456789GET /next");
  BodyReader reader{pair_.stream, buffered_, Framing::length, 10};
  const auto whole = reader.take_whole();
  ASSERT_TRUE(whole);
  EXPECT_EQ(base::as_text(*whole), "0123456789");
  BodyReader next{pair_.stream, buffered_, Framing::length, 9};
  EXPECT_EQ(read(next).body, "GET /next");
}

TEST_F(Bodies, ABodyThatHasNotAllComeIsReadAsIfNobodyHadAsked) {
  buffered_.append("01");
  pair_.send("23");
  BodyReader reader{pair_.stream, buffered_, Framing::length, 10};
  EXPECT_FALSE(reader.take_whole());
  pair_.send("456789");
  EXPECT_EQ(read(reader).body, "0123456789");
}

TEST_F(Bodies, NothingIsTakenWholeThatIsAbsentLargeOrChunked) {
  const std::string large(read_size + 1, 'x');
  buffered_.append(large);
  EXPECT_FALSE((BodyReader{pair_.stream, buffered_, Framing::none, 0}.take_whole()));
  EXPECT_FALSE((BodyReader{pair_.stream, buffered_, Framing::length, 0}.take_whole()));
  EXPECT_FALSE((BodyReader{pair_.stream, buffered_, Framing::length, large.size()}.take_whole()));
  EXPECT_FALSE((BodyReader{pair_.stream, buffered_, Framing::chunked, 0}.take_whole()));
  EXPECT_FALSE((BodyReader{pair_.stream, buffered_, Framing::until_close, 0}.take_whole()));
  EXPECT_EQ(buffered_.size(), large.size());
}

TEST_F(Bodies, AClientThatHasLeftIsNoticedByWhoReadsOn) {
  buffered_.append("abc");
  pair_.close();
  BodyReader reader{pair_.stream, buffered_, Framing::length, 4};
  EXPECT_FALSE(reader.take_whole());
  EXPECT_EQ(read(reader).error, base::ErrorKind::connection_closed);
}

TEST_F(Bodies, ChunksAreDecodedAcrossBufferAndSocket) {
  const std::string large(100'000, 'x');
  buffered_.append("5\r\nhe");
  pair_.send("llo\r\n186a0\r\n" + large + "\r\n0\r\nTrailer: dropped\r\n\r\nGET /next");
  BodyReader reader{pair_.stream, buffered_, Framing::chunked, 0};
  EXPECT_EQ(read(reader, 4096).body, "hello" + large);
  EXPECT_EQ(buffered_.text(), "GET /next");
}

TEST_F(Bodies, BadChunksAreAnInvalidMessage) {
  pair_.send("5\r\nhello\r\n0x1\r\n");
  BodyReader reader{pair_.stream, buffered_, Framing::chunked, 0};
  EXPECT_EQ(read(reader).error, base::ErrorKind::invalid_message);
}

TEST_F(Bodies, UntilCloseEndsWithTheConnection) {
  buffered_.append("one ");
  pair_.send("two");
  pair_.close();
  BodyReader reader{pair_.stream, buffered_, Framing::until_close, 0};
  const auto result = read(reader);
  EXPECT_EQ(result.body, "one two");
  EXPECT_EQ(result.error, std::nullopt);
  EXPECT_TRUE(reader.done());
}

TEST_F(Bodies, ABodyThatEndsEarlyIsAnError) {
  pair_.send("abc");
  pair_.close();
  BodyReader length{pair_.stream, buffered_, Framing::length, 4};
  const auto result = read(length);
  EXPECT_EQ(result.body, "abc");
  EXPECT_EQ(result.error, base::ErrorKind::connection_closed);
  for (const std::string_view cut : {"3\r\nabc\r\n", "3\r\nabc\r\n0\r\n", "3\r\nab"}) {
    Pair pair{worker_};
    base::Buffer buffered;
    pair.send(cut);
    pair.close();
    BodyReader chunked{pair.stream, buffered, Framing::chunked, 0};
    EXPECT_EQ(read(chunked).error, base::ErrorKind::connection_closed) << cut;
  }
}

TEST_F(Bodies, ABodyThatDoesNotComeIsATimeout) {
  BodyReader reader{pair_.stream, buffered_, Framing::length, 4};
  EXPECT_EQ(run(worker_, read_all(reader, 4, 1ms)).error, base::ErrorKind::timeout);
}

}  // namespace
}  // namespace picket::apps::gateway::http1
