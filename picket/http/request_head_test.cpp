#include "picket/http/request_head.hpp"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::http {
namespace {

using namespace std::string_literals;
using base::Header;
using ::testing::ElementsAre;

/// The status that a head gets; 0: it passes.
int status_of(std::string_view head, const HeadLimits& limits = {}) {
  base::Arena arena;
  const auto error = read_request_head(head, limits, arena).error;
  if (error) EXPECT_FALSE(error->reason.empty());
  return error ? error->status : 0;
}

std::string get(std::string_view fields) { return "GET / HTTP/1.1\r\nHost: a.test\r\n" + std::string{fields} + "\r\n"; }
std::string line(std::string_view request_line) { return std::string{request_line} + "\r\nHost: a.test\r\n\r\n"; }
std::string host(std::string_view value) { return "GET / HTTP/1.1\r\nHost: " + std::string{value} + "\r\n\r\n"; }

struct Case {
  std::string_view what;
  int status;
  std::string head;
};

void expect(const std::vector<Case>& cases) {
  for (const auto& [what, status, head] : cases) EXPECT_EQ(status_of(head), status) << what << "\n" << head;
}

TEST(RequestHeads, AmbiguousFramingIsRefused) {
  expect({
      {"both lengths", 400, get("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n")},
      {"both, the other way round", 400, get("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n")},
      {"two lengths that differ", 400, get("Content-Length: 3\r\nContent-Length: 4\r\n")},
      {"two lengths that agree", 400, get("Content-Length: 3\r\nContent-Length: 3\r\n")},
      {"two lengths in another case", 400, get("Content-Length: 3\r\ncontent-length: 3\r\n")},
      {"a list of lengths", 400, get("Content-Length: 3, 3\r\n")},
      {"an empty length", 400, get("Content-Length:\r\n")},
      {"a length with a sign", 400, get("Content-Length: +3\r\n")},
      {"a negative length", 400, get("Content-Length: -3\r\n")},
      {"a hexadecimal length", 400, get("Content-Length: 0x3\r\n")},
      {"a length with a space in it", 400, get("Content-Length: 3 3\r\n")},
      {"a length with a fraction", 400, get("Content-Length: 3.0\r\n")},
      {"a length that overflows", 400, get("Content-Length: 18446744073709551617\r\n")},
      {"a length of letters", 400, get("Content-Length: NotDigits\r\n")},
      {"gzip", 400, get("Transfer-Encoding: gzip\r\n")},
      {"identity", 400, get("Transfer-Encoding: identity\r\n")},
      {"xchunked", 400, get("Transfer-Encoding: xchunked\r\n")},
      {"chunked, identity", 400, get("Transfer-Encoding: chunked, identity\r\n")},
      {"gzip, chunked", 400, get("Transfer-Encoding: gzip, chunked\r\n")},
      {"chunked, chunked", 400, get("Transfer-Encoding: chunked, chunked\r\n")},
      {"chunked with a parameter", 400, get("Transfer-Encoding: chunked;q=1\r\n")},
      {"chunked in quotes", 400, get("Transfer-Encoding: \"chunked\"\r\n")},
      {"an empty coding", 400, get("Transfer-Encoding:\r\n")},
      {"chunked twice", 400, get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
      {"chunked behind a vertical tab", 400, get("Transfer-Encoding: \vchunked\r\n")},
      {"chunked on HTTP/1.0", 400, "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"},
  });
}

TEST(RequestHeads, LinesThatPartiesReadDifferentlyAreRefused) {
  expect({
      {"obs-fold", 400, get("A: b\r\n c\r\n")},
      {"obs-fold with a tab", 400, get("A: b\r\n\tc\r\n")},
      {"a fold at the first field", 400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
      {"a bare LF behind a field", 400, get("A: b\nC: d\r\n")},
      {"a bare LF behind the request line", 400, "GET / HTTP/1.1\nHost: a\r\n\r\n"},
      {"a bare CR in a value", 400, get("A: b\rC: d\r\n")},
      {"a bare CR before CRLF", 400, get("A: b\r\r\n")},
      {"a bare CR in the request line", 400, "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"a space before the colon", 400, get("Content-Length : 3\r\n")},
      {"a tab before the colon", 400, get("Transfer-Encoding\t: chunked\r\n")},
      {"no colon", 400, get("Accept\r\n")},
      {"no name", 400, get(": value\r\n")},
      {"a name that is no token", 400, get("A(b): c\r\n")},
      {"a name beyond ASCII", 400, get("\xc3\xa4: c\r\n")},
      {"a NUL in a value", 400, get("A: b\0c\r\n"s)},
      {"a NUL in a name", 400, get("A\0: b\r\n"s)},
      {"a control character in a value", 400, get("A: \x01\r\n")},
      {"DEL in a value", 400, get("A: \x7f\r\n")},
      {"bytes behind the empty line", 400, get("") + "X"},
      {"no empty line", 400, "GET / HTTP/1.1\r\nHost: a\r\n"},
      {"nothing", 400, ""},
      {"a Connection that is no list of tokens", 400, get("Connection: \"close\"\r\n")},
      {"a Connection with words side by side", 400, get("Connection: close keep-alive\r\n")},
  });
}

TEST(RequestHeads, HostIsThereOnceAndWellFormed) {
  expect({
      {"none on HTTP/1.1", 400, "GET / HTTP/1.1\r\nA: b\r\n\r\n"},
      {"two", 400, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
      {"two that agree", 400, "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"},
      {"two on HTTP/1.0", 400, "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"},
      {"a list", 400, host("a, b")},
      {"a space inside", 400, host("a b")},
      {"a path", 400, host("a/b")},
      {"user information", 400, host("user@a")},
      {"a query", 400, host("a?b")},
      {"a port that is no number", 400, host("a:b")},
      {"a port with six digits", 400, host("a:123456")},
      {"a port beyond 65535", 400, host("a:65536")},
      {"an escape", 400, host("%61.test")},
      {"an empty label", 400, host("a..test")},
      {"two dots at the end", 400, host("a.test..")},
      {"a port alone", 400, host(":80")},
      {"two ports", 400, host("a:1:2")},
      {"IPv6 without brackets", 400, host("::1")},
      {"brackets that do not close", 400, host("[::1")},
      {"empty brackets", 400, host("[]")},
      {"letters in brackets", 400, host("[xyz]")},
      {"text behind brackets", 400, host("[::1]a")},
      {"quotes", 400, host("\"a\"")},
      {"beyond ASCII", 400, host("\xc3\xa4")},
      {"an empty one passes", 0, host("")},
      {"none on HTTP/1.0 passes", 0, "GET / HTTP/1.0\r\n\r\n"},
      {"a name with a port passes", 0, host("a-b.c_d.test:8080")},
      {"an IPv4 address passes", 0, host("192.0.2.1")},
      {"an IPv6 address passes", 0, host("[2001:db8::1]:80")},
      {"an empty port passes", 0, host("a.test:")},
  });
}

TEST(RequestHeads, RequestLinesAreMethodTargetVersion) {
  expect({
      {"HTTP/0.9", 400, "GET /\r\n\r\n"},
      {"one word", 400, line("GET")},
      {"two spaces", 400, line("GET  / HTTP/1.1")},
      {"two spaces before the version", 400, line("GET /  HTTP/1.1")},
      {"a space in the target", 400, line("GET /a b HTTP/1.1")},
      {"a tab for a space", 400, line("GET\t/\tHTTP/1.1")},
      {"a trailing space", 400, line("GET / HTTP/1.1 ")},
      {"a leading space", 400, line(" GET / HTTP/1.1")},
      {"a method that is no token", 400, line("G@T / HTTP/1.1")},
      {"CONNECT", 405, line("CONNECT a.test:443 HTTP/1.1")},
      {"a target without a slash", 400, line("GET index.html HTTP/1.1")},
      {"a target that is a query", 400, line("GET ?a=b HTTP/1.1")},
      {"a target of another scheme", 400, line("GET ftp://a.test/ HTTP/1.1")},
      {"an http URI without a host", 400, line("GET http:///x HTTP/1.1")},
      {"an http URI that is only a scheme", 400, line("GET http:// HTTP/1.1")},
      {"* for GET", 400, line("GET * HTTP/1.1")},
      {"a backslash in the path", 400, line("GET /\\admin HTTP/1.1")},
      {"a backslash in an authority", 400, line("GET http://a\\b/ HTTP/1.1")},
      {"user information in an http URI", 400, line("GET http://a@b/ HTTP/1.1")},
      {"a fragment", 400, line("GET /#a HTTP/1.1")},
      {"a control character in the target", 400, line("GET /\x01 HTTP/1.1")},
      {"a NUL in the target", 400, line("GET /\0 HTTP/1.1"s)},
      {"bytes beyond ASCII in the target", 400, line("GET /\xc3\xa4 HTTP/1.1")},
      {"HTTP/2.0", 505, line("GET / HTTP/2.0")},
      {"HTTP/1.2", 505, line("GET / HTTP/1.2")},
      {"HTTP/1.10", 400, line("GET / HTTP/1.10")},
      {"HTTP/01.1", 400, line("GET / HTTP/01.1")},
      {"http/1.1", 400, line("GET / http/1.1")},
      {"no HTTP at all", 400, line("GET / ICAP/1.0")},
      {"no version at all", 400, line("GET / ")},
      {"HTTP/3.0", 505, line("GET / HTTP/3.0")},
      {"HTTP/1:1", 400, line("GET / HTTP/1:1")},
      {"HTTP/1.x", 400, line("GET / HTTP/1.x")},
      {"* for OPTIONS passes", 0, line("OPTIONS * HTTP/1.1")},
      {"a backslash in the query passes", 0, line("GET /x?file=C:\\a\\b HTTP/1.1")},
      {"HTTP in capitals passes", 0, line("GET HTTP://a.test/ HTTP/1.1")},
      {"an http URI passes", 0, line("GET http://a.test/x?y HTTP/1.1")},
      {"quotes and angle brackets pass, for agents to see", 0, line("GET /?q=\"<script>\" HTTP/1.1")},
      {"a method of one's own passes", 0, line("PROPFIND / HTTP/1.1")},
  });
}

TEST(RequestHeads, GoodHeadsPass) {
  expect({
      {"a plain GET", 0, get("")},
      {"HTTP/1.0", 0, line("GET / HTTP/1.0")},
      {"a length", 0, get("Content-Length: 3\r\n")},
      {"a length in white space", 0, get("Content-Length: \t 3 \t\r\n")},
      {"the largest length taken", 0, get("Content-Length: 999999999999999999\r\n")},
      {"chunked", 0, get("Transfer-Encoding: chunked\r\n")},
      {"chunked in any case", 0, get("transfer-encoding:CHUNKED\r\n")},
      {"an empty value", 0, get("A:\r\n")},
      {"a tab in a value", 0, get("A: b\tc\r\n")},
      {"bytes beyond ASCII in a value", 0, get("A: \xff\xc3\xa4\r\n")},
      {"a colon in a value", 0, get("A: b: c\r\n")},
      {"lists in Connection", 0, get("Connection: close, , X-A\r\nConnection: keep-alive\r\nConnection:\r\n")},
  });
}

TEST(RequestHeads, MoreFieldsThanTheLimitAre431) {
  const std::string head = get("A: 1\r\nB: 2\r\n");
  EXPECT_EQ(status_of(head, {.max_fields = 3}), 0);
  EXPECT_EQ(status_of(head, {.max_fields = 2}), 431);
}

class ReadRequestHead : public ::testing::Test {
 protected:
  RequestHead request(std::string_view head) {
    const auto read = read_request_head(head, {}, arena_);
    if (read.error) ADD_FAILURE() << read.error->reason << "\n" << head;
    return read.head;
  }
  RequestHead with(std::string_view fields) {
    text_.push_back(std::make_unique<std::string>("POST /a HTTP/1.1\r\nHost: a\r\n" + std::string{fields} + "\r\n"));
    return request(*text_.back());
  }

  base::Arena arena_;
  std::vector<std::unique_ptr<std::string>> text_;
};

TEST_F(ReadRequestHead, FieldsKeepTheirOrderTheirCaseAndTheirBytes) {
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

TEST_F(ReadRequestHead, NothingIsCopiedOutOfTheHead) {
  const std::string head = "GET /target HTTP/1.1\r\nHost: a.test\r\n\r\n";
  const auto parsed = request(head);
  const auto inside = [&](std::string_view view) {
    return view.data() >= head.data() && view.data() + view.size() <= head.data() + head.size();
  };
  EXPECT_TRUE(inside(parsed.method) && inside(parsed.target));
  EXPECT_TRUE(inside(parsed.headers[0].name) && inside(parsed.headers[0].value));
}

TEST_F(ReadRequestHead, AMethodMayBeAnyToken) {
  EXPECT_EQ(request("M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n").method, "M-SEARCH");
}

TEST_F(ReadRequestHead, ARequestsFramingIsWhatItsFieldsSay) {
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

TEST_F(ReadRequestHead, AConnectionIsKeptAsVersionAndConnectionSay) {
  EXPECT_TRUE(with("").keep_alive);
  EXPECT_FALSE(with("Connection: close\r\n").keep_alive);
  EXPECT_FALSE(with("Connection: X-A, Close\r\n").keep_alive);
  EXPECT_FALSE(with("Connection: keep-alive\r\nConnection: close\r\n").keep_alive);
  EXPECT_TRUE(with("Connection: closed\r\n").keep_alive);
  EXPECT_FALSE(request("GET / HTTP/1.0\r\n\r\n").keep_alive);
  EXPECT_TRUE(request("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
}

TEST_F(ReadRequestHead, OnlyHttp11MayExpectAContinue) {
  EXPECT_TRUE(with("Expect: 100-Continue\r\nContent-Length: 1\r\n").expects_continue);
  EXPECT_FALSE(with("Expect: something\r\n").expects_continue);
  EXPECT_FALSE(request("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expects_continue);
}

}  // namespace
}  // namespace picket::http
