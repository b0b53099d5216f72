#include "picket/http/response_head.hpp"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::http {
namespace {

using base::Header;
using ::testing::ElementsAre;

class ReadResponseHead : public ::testing::Test {
 protected:
  base::Result<ResponseHead> response(std::string_view line_and_fields, bool to_head = false) {
    text_.push_back(std::make_unique<std::string>("HTTP/1.1 " + std::string{line_and_fields} + "\r\n"));
    return read_response_head(*text_.back(), {}, to_head, arena_);
  }

  base::Arena arena_;
  std::vector<std::unique_ptr<std::string>> text_;
};

TEST_F(ReadResponseHead, AResponseHasItsStatusReasonAndFields) {
  const auto head = response("404 Not Here\r\nB: 1\r\na: 2\r\nContent-Length: 5\r\n");
  ASSERT_TRUE(head) << head.error().message();
  EXPECT_EQ(head->status, 404);
  EXPECT_EQ(head->reason, "Not Here");
  EXPECT_THAT(std::vector(head->headers.begin(), head->headers.end()),
              ElementsAre(Header{"B", "1"}, Header{"a", "2"}, Header{"Content-Length", "5"}));
  EXPECT_EQ(response("200 \r\n")->reason, "");
}

TEST_F(ReadResponseHead, AResponsesBodyIsDelimitedByChunksLengthOrTheEnd) {
  const auto length = response("200 OK\r\nContent-Length: 5\r\n");
  EXPECT_EQ(length->framing, Framing::length);
  EXPECT_EQ(length->content_length, 5U);
  EXPECT_TRUE(length->keep_alive);
  EXPECT_EQ(response("200 OK\r\nTransfer-Encoding: chunked\r\n")->framing, Framing::chunked);
  const auto open = response("200 OK\r\n");
  EXPECT_EQ(open->framing, Framing::until_close);
  EXPECT_FALSE(open->keep_alive);
  EXPECT_FALSE(response("200 OK\r\nContent-Length: 5\r\nConnection: close\r\n")->keep_alive);
}

TEST_F(ReadResponseHead, SomeResponsesHaveNoBodyAndAFieldThatSaysSoTaintsTheConnection) {
  struct Case {
    std::string_view status;
    std::string_view fields;
    bool to_head;
    bool keep_alive;
    bool stray_body_may_follow;
  };
  constexpr std::string_view length = "Content-Length: 5\r\n";
  constexpr std::string_view chunked = "Transfer-Encoding: chunked\r\n";
  constexpr std::string_view none = "Content-Length: 0\r\n";
  for (const auto& [status, fields, to_head, keep_alive, stray] : std::vector<Case>{
           {"100 Continue", "", false, true, false},
           {"103 Early Hints", length, false, false, false},
           {"103 Early Hints", chunked, true, false, false},
           {"204 No Content", "", false, true, true},
           {"204 No Content", "", true, true, true},
           {"204 No Content", none, false, false, true},
           {"204 No Content", length, false, false, true},
           {"204 No Content", length, true, false, true},
           {"204 No Content", chunked, false, false, true},
           {"304 Not Modified", "", false, true, true},
           {"304 Not Modified", none, false, true, true},
           {"304 Not Modified", length, false, true, true},
           {"304 Not Modified", chunked, false, true, true},
           {"200 OK", length, true, true, true},
           {"200 OK", chunked, true, true, true},
           {"200 OK", "", true, true, true},
           {"200 OK", none, true, true, false},
           {"404 Not Found", length, true, true, true},
       }) {
    const auto head = response(std::string{status} + "\r\n" + std::string{fields}, to_head);
    ASSERT_TRUE(head) << head.error().message();
    EXPECT_EQ(head->framing, Framing::none) << status << fields;
    EXPECT_EQ(head->keep_alive, keep_alive) << status << fields << to_head;
    EXPECT_EQ(head->stray_body_may_follow, stray) << status << fields << to_head;
  }
}

TEST_F(ReadResponseHead, ResetContentIsEmptyAndWhoSendsMoreIsNotUsedAgain) {
  const auto empty = response("205 Reset Content\r\nContent-Length: 0\r\n");
  EXPECT_TRUE(empty->keep_alive);
  for (const std::string_view fields : {"", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"}) {
    const auto head = response("205 Reset Content\r\n" + std::string{fields});
    EXPECT_EQ(head->framing, Framing::length) << fields;
    EXPECT_EQ(head->content_length, 0U) << fields;
    EXPECT_FALSE(head->keep_alive) << fields;
  }
}

TEST_F(ReadResponseHead, AStatusLineMayLackItsSecondSpace) {
  const auto head = response("200\r\nContent-Length: 5\r\n");
  ASSERT_TRUE(head) << head.error().message();
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->reason, "");
  EXPECT_EQ(head->headers.find("content-length"), "5");
  const auto bare = response("404\r\n");
  ASSERT_TRUE(bare) << bare.error().message();
  EXPECT_EQ(bare->status, 404);
}

TEST_F(ReadResponseHead, AResponseThatPartiesReadDifferentlyIsAnError) {
  for (const std::string_view bad : {"200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                                     "200 OK\r\nContent-Length: 5, 5\r\n",
                                     "200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n",
                                     "200 OK\r\nContent-Length: +5\r\n",
                                     "200 OK\r\nContent-Length:\r\n",
                                     "200 OK\r\nContent-Length: 99999999999999999999\r\n",
                                     "200 OK\r\nTransfer-Encoding: gzip\r\n",
                                     "200 OK\r\nTransfer-Encoding: chunked, identity\r\n",
                                     "200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                                     "200 OK\r\nA: b\r\n c\r\n",
                                     "200 OK\r\nA:\r\n\tb\r\n",
                                     "200 OK\r\n A: b\r\n",
                                     "200 OK\r\nA : b\r\n",
                                     "200 OK\r\nA: b\nC: d\r\n",
                                     "200 OK\r\nA: b\rC: d\r\n",
                                     "20 OK\r\n",
                                     "2000 OK\r\n",
                                     "OK\r\n",
                                     "099 OK\r\n",
                                     "000 OK\r\n",
                                     "20\r\n",
                                     "2000\r\n",
                                     "\r\n"}) {
    const auto head = response(bad);
    EXPECT_FALSE(head) << bad;
    if (!head) EXPECT_EQ(head.error().kind(), base::ErrorKind::invalid_message) << bad;
  }
  EXPECT_FALSE(read_response_head("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", {}, false, arena_));
  for (const std::string_view version : {"HTTP/2", "HTTP/2.0", "HTTP/0.9"})
    EXPECT_FALSE(read_response_head(std::string{version} + " 200 OK\r\n\r\n", {}, false, arena_)) << version;
}

TEST_F(ReadResponseHead, AWordOfAnotherVersionOrMoreFieldsThanTheLimitIsAnError) {
  EXPECT_FALSE(read_response_head("HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\n\r\n", {.max_fields = 1}, false, arena_));
  EXPECT_TRUE(read_response_head("HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\n\r\n", {.max_fields = 2}, false, arena_));
  EXPECT_EQ(read_response_head("HTTP/1.0 200 OK\r\n\r\n", {}, false, arena_)->version, 10);
}

TEST_F(ReadResponseHead, AConnectionThatIsNoListIsTakenForWhatItSays) {
  const auto head = response("200 OK\r\nContent-Length: 5\r\nConnection: keep-alive timeout=5, close\r\n");
  ASSERT_TRUE(head) << head.error().message();
  EXPECT_FALSE(head->keep_alive);
}

TEST_F(ReadResponseHead, AReasonMayHaveAnyTextAndNoControlCharacter) {
  EXPECT_EQ(response("200 \xc3\xa4\tb\r\n")->reason, "\xc3\xa4\tb");
  EXPECT_FALSE(response("200 a\x01\r\n"));
  EXPECT_FALSE(response("200OK\r\n"));
}

TEST_F(ReadResponseHead, AHeadThatIsCutOrHasMoreBehindItIsAnError) {
  for (const std::string_view head : {"", "HTTP/1.1", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK\r\n",
                                      "HTTP/1.1 200 OK\r\nA: b\r\n", "HTTP/1.1 200 OK\r\n\r\nX", "HTTP/1.1 200 OK\n\n"})
    EXPECT_FALSE(read_response_head(head, {}, false, arena_)) << head;
}

}  // namespace
}  // namespace picket::http
