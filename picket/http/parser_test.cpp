#include "picket/http/parser.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picket/http/head_check.hpp"

namespace picket::http {
namespace {

using base::Header;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Parser : public ::testing::Test {
 protected:
  /// The parsed request, which must also have passed the check.
  RequestHead request(std::string_view head) {
    EXPECT_FALSE(check_request_head(head, {})) << head;
    auto parsed = parse_request_head(head, arena_);
    if (!parsed) ADD_FAILURE() << parsed.error().message() << "\n" << head;
    return parsed.value_or(RequestHead{});
  }
  RequestHead with(std::string_view fields) {
    text_.push_back(std::make_unique<std::string>("POST /a HTTP/1.1\r\nHost: a\r\n" + std::string{fields} + "\r\n"));
    return request(*text_.back());
  }
  base::Result<ResponseHead> response(std::string_view line_and_fields, bool to_head = false) {
    text_.push_back(std::make_unique<std::string>("HTTP/1.1 " + std::string{line_and_fields} + "\r\n"));
    return parse_response_head(*text_.back(), to_head, arena_);
  }

  base::Arena arena_;
  std::vector<std::unique_ptr<std::string>> text_;
};

TEST_F(Parser, FieldsKeepTheirOrderTheirCaseAndTheirBytes) {
  const auto head = request(
      "GET /x?y=%20&z=\"<a>\" HTTP/1.1\r\nHOST: a.test:80\r\nb:  two \t\r\nCookie: one\r\nB: \xff\xc3\xa4\r\n"
      "cookie: two\r\nEmpty:\r\n\r\n");
  EXPECT_EQ(head.method, "GET");
  EXPECT_EQ(head.target, "/x?y=%20&z=\"<a>\"");
  EXPECT_EQ(head.version, 11);
  EXPECT_THAT(std::vector(head.headers.begin(), head.headers.end()),
              ElementsAre(Header{"HOST", "a.test:80"}, Header{"b", "two"}, Header{"Cookie", "one"},
                          Header{"B", "\xff\xc3\xa4"}, Header{"cookie", "two"}, Header{"Empty", ""}));
}

TEST_F(Parser, NothingIsCopiedOutOfTheHead) {
  const std::string head = "GET /target HTTP/1.1\r\nHost: a.test\r\n\r\n";
  const auto parsed = request(head);
  const auto inside = [&](std::string_view view) {
    return view.data() >= head.data() && view.data() + view.size() <= head.data() + head.size();
  };
  EXPECT_TRUE(inside(parsed.method) && inside(parsed.target));
  EXPECT_TRUE(inside(parsed.headers[0].name) && inside(parsed.headers[0].value));
}

TEST_F(Parser, AMethodMayBeAnyToken) {
  EXPECT_EQ(request("M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n").method, "M-SEARCH");
}

TEST_F(Parser, ARequestsFramingIsWhatItsFieldsSay) {
  const auto none = with("");
  EXPECT_EQ(none.framing, Framing::none);
  EXPECT_FALSE(none.has_body());
  const auto length = with("Content-Length: 17\r\n");
  EXPECT_EQ(length.framing, Framing::length);
  EXPECT_EQ(length.content_length, 17U);
  EXPECT_TRUE(length.has_body());
  const auto zero = with("Content-Length: 0\r\n");
  EXPECT_EQ(zero.framing, Framing::length);
  EXPECT_FALSE(zero.has_body());
  const auto chunked = with("Transfer-Encoding: Chunked\r\n");
  EXPECT_EQ(chunked.framing, Framing::chunked);
  EXPECT_TRUE(chunked.has_body());
}

TEST_F(Parser, AConnectionIsKeptAsVersionAndConnectionSay) {
  EXPECT_TRUE(with("").keep_alive);
  EXPECT_FALSE(with("Connection: close\r\n").keep_alive);
  EXPECT_FALSE(with("Connection: X-A, Close\r\n").keep_alive);
  EXPECT_FALSE(with("Connection: keep-alive\r\nConnection: close\r\n").keep_alive);
  EXPECT_TRUE(with("Connection: closed\r\n").keep_alive);
  EXPECT_FALSE(request("GET / HTTP/1.0\r\n\r\n").keep_alive);
  EXPECT_TRUE(request("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
}

TEST_F(Parser, OnlyHttp11MayExpectAContinue) {
  EXPECT_TRUE(with("Expect: 100-Continue\r\nContent-Length: 1\r\n").expects_continue);
  EXPECT_FALSE(with("Expect: something\r\n").expects_continue);
  EXPECT_FALSE(request("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expects_continue);
}

TEST_F(Parser, AnIncompleteHeadOrOneWithMoreBehindItIsAnError) {
  for (const std::string_view head : {"GET / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\nX", ""})
    EXPECT_FALSE(parse_request_head(head, arena_)) << head;
}

TEST_F(Parser, AFoldedFieldIsAnErrorForItWouldBeReadFromMemoryThatIsGone) {
  for (const std::string_view fold : {"A: b\r\n c\r\n", "A:\r\n\tb\r\n", "A: b\r\n \r\n c\r\n"}) {
    const std::string request = "GET / HTTP/1.1\r\nHost: a\r\n" + std::string{fold} + "\r\n";
    EXPECT_FALSE(parse_request_head(request, arena_)) << fold;
    EXPECT_FALSE(response("200 OK\r\n" + std::string{fold})) << fold;
  }
}

TEST_F(Parser, AResponseHasItsStatusReasonAndFields) {
  const auto head = response("404 Not Here\r\nB: 1\r\na: 2\r\nContent-Length: 5\r\n");
  ASSERT_TRUE(head) << head.error().message();
  EXPECT_EQ(head->status, 404);
  EXPECT_EQ(head->reason, "Not Here");
  EXPECT_THAT(std::vector(head->headers.begin(), head->headers.end()),
              ElementsAre(Header{"B", "1"}, Header{"a", "2"}, Header{"Content-Length", "5"}));
  EXPECT_EQ(response("200 \r\n")->reason, "");
}

TEST_F(Parser, AResponsesBodyIsDelimitedByChunksLengthOrTheEnd) {
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

TEST_F(Parser, SomeResponsesHaveNoBodyAndAFieldThatSaysSoTaintsTheConnection) {
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

TEST_F(Parser, ResetContentIsEmptyAndWhoSendsMoreIsNotUsedAgain) {
  const auto empty = response("205 Reset Content\r\nContent-Length: 0\r\n");
  EXPECT_TRUE(empty->keep_alive);
  for (const std::string_view fields : {"", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"}) {
    const auto head = response("205 Reset Content\r\n" + std::string{fields});
    EXPECT_EQ(head->framing, Framing::length) << fields;
    EXPECT_EQ(head->content_length, 0U) << fields;
    EXPECT_FALSE(head->keep_alive) << fields;
  }
}

TEST_F(Parser, AStatusLineMayLackItsSecondSpace) {
  const auto head = response("200\r\nContent-Length: 5\r\n");
  ASSERT_TRUE(head) << head.error().message();
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->reason, "");
  EXPECT_EQ(head->headers.find("content-length"), "5");
  const auto bare = response("404\r\n");
  ASSERT_TRUE(bare) << bare.error().message();
  EXPECT_EQ(bare->status, 404);
}

TEST_F(Parser, AResponseThatPartiesReadDifferentlyIsAnError) {
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
  EXPECT_FALSE(parse_response_head("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, arena_));
  for (const std::string_view version : {"HTTP/2", "HTTP/2.0", "HTTP/0.9"})
    EXPECT_FALSE(parse_response_head(std::string{version} + " 200 OK\r\n\r\n", false, arena_)) << version;
}

}  // namespace
}  // namespace picket::http
