#include "picket/http/http2_request.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::http {
namespace {

using namespace std::string_literals;
using base::Header;
using ::testing::ElementsAre;
using Fields = std::vector<Header>;

/// The fields of a GET of "/" with others behind them.
Fields get(const Fields& others) {
  Fields all{{":method", "GET"}, {":scheme", "http"}, {":authority", "a.test"}, {":path", "/"}};
  all.insert(all.end(), others.begin(), others.end());
  return all;
}

/// The same with another value of one pseudo-field.
Fields with(std::string_view name, std::string_view value) {
  Fields all = get({});
  for (Header& field : all)
    if (field.name == name) field.value = value;
  return all;
}

class Requests : public ::testing::Test {
 protected:
  RequestRead read(const Fields& fields, bool ends = true, const HeadLimits& limits = {}) {
    return read_http2_request(base::Headers(fields), ends, limits, arena_);
  }
  /// 0: it passes.
  int status_of(const Fields& fields, bool ends = true) {
    const auto error = read(fields, ends).error;
    if (error) EXPECT_FALSE(error->reason.empty());
    return error ? error->status : 0;
  }

  base::Arena arena_;
};

TEST_F(Requests, AreReadAsTheOnesOfHttp11ThatTheyStandFor) {
  const auto [head, error] = read(get({{"x-a", "b"}, {"accept", "*/*"}}));
  ASSERT_FALSE(error);
  EXPECT_EQ(head.method, "GET");
  EXPECT_EQ(head.target, "/");
  EXPECT_EQ(head.version, 20);
  EXPECT_FALSE(head.has_body());
  EXPECT_THAT(head.headers.fields(),
              ElementsAre(Header{"host", "a.test"}, Header{"x-a", "b"}, Header{"accept", "*/*"}));
}

TEST_F(Requests, CookieCrumbsBecomeOneFieldInThePlaceOfTheFirst) {
  const auto [head, error] = read(get({{"cookie", "a=1"}, {"x", "y"}, {"cookie", "b=2"}, {"cookie", "c=3"}}));
  ASSERT_FALSE(error);
  EXPECT_THAT(head.headers.fields(),
              ElementsAre(Header{"host", "a.test"}, Header{"cookie", "a=1; b=2; c=3"}, Header{"x", "y"}));
}

TEST_F(Requests, OfABodyWithoutLengthHaveOneInChunks) {
  const auto [head, error] = read(get({}), false);
  ASSERT_FALSE(error);
  EXPECT_EQ(head.framing, Framing::chunked);
  EXPECT_EQ(head.headers.find("transfer-encoding"), "chunked");
}

TEST_F(Requests, OfADeclaredBodyHaveItsLength) {
  const auto [head, error] = read(get({{"content-length", "5"}}), false);
  ASSERT_FALSE(error);
  EXPECT_EQ(head.framing, Framing::length);
  EXPECT_EQ(head.content_length, 5U);
  EXPECT_EQ(status_of(get({{"content-length", "5"}}), true), 400) << "and none comes";
  EXPECT_EQ(status_of(get({{"content-length", "0"}}), true), 0);
}

TEST_F(Requests, AHostTakesThePlaceOfAnAuthorityThatIsMissing) {
  const Fields fields{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"x", "y"}, {"host", "b.test"}};
  const auto [head, error] = read(fields);
  ASSERT_FALSE(error);
  EXPECT_THAT(head.headers.fields(), ElementsAre(Header{"host", "b.test"}, Header{"x", "y"}));
}

TEST_F(Requests, AHostBesideTheAuthorityMustNameTheSame) {
  EXPECT_EQ(status_of(get({{"host", "A.test:80"}})), 0);
  EXPECT_EQ(status_of(get({{"host", "b.test"}})), 400);
  EXPECT_EQ(status_of(get({{"host", "a.test"}, {"host", "b.test"}})), 400);
  EXPECT_EQ(status_of(get({{"host", ""}})), 400);
  EXPECT_EQ(read(get({{"host", "a.test"}})).head.headers.count("host"), 1U);
}

TEST_F(Requests, OptionsMayAskTheServerAsAWhole) {
  Fields fields = with(":path", "*");
  EXPECT_EQ(status_of(fields), 400);
  fields[0].value = "OPTIONS";
  EXPECT_EQ(status_of(fields), 0);
}

TEST_F(Requests, ConnectIsNotForAReverseProxy) {
  EXPECT_EQ(status_of(with(":method", "CONNECT")), 405);
  EXPECT_EQ(status_of({{":method", "CONNECT"}, {":authority", "a:1"}}), 405);
}

TEST_F(Requests, APseudoFieldThatWouldBeAnotherLineIsRefused) {
  const std::vector<std::string> endings{"\r\nx: y", "\nx: y", "\rx: y", "\0x"s, " HTTP/1.1\r\nx: y",
                                         " ",        "\t",     "\x7f",   " x"};
  for (const std::string_view name : {":method", ":scheme", ":authority", ":path"}) {
    for (const std::string& ending : endings) {
      const std::string before = name == ":method"   ? "GET"
                                 : name == ":scheme" ? "http"
                                 : name == ":path"   ? "/"
                                                     : "a.test";
      const std::string value = before + ending;
      EXPECT_EQ(status_of(with(name, value)), 400) << name << " " << value;
    }
  }
}

TEST_F(Requests, AFieldThatWouldBeAnotherLineIsRefused) {
  const std::vector<std::string> wrong{"a\r\nb: c", "a\nb: c", "a\rb", "a\0b"s, "\r\n", " a",
                                       "a ",        "\ta",     "a\t",  "a\x7f", "a\x01"};
  for (const std::string& value : wrong) EXPECT_EQ(status_of(get({{"x", value}})), 400) << value;
  const std::vector<std::string> names{
      "", "X", "x y", "x:", "x: y", ":x", "x\r\ny", "x\ny", "x\0"s, "transfer-encoding ", "\x80", "x\t"};
  for (const std::string& name : names) EXPECT_EQ(status_of(get({{name, "a"}})), 400) << name;
}

TEST_F(Requests, WhatBelongsToAConnectionIsRefused) {
  for (const std::string_view name : {"connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"})
    EXPECT_EQ(status_of(get({{name, "chunked"}})), 400) << name;
  EXPECT_EQ(status_of(get({{"te", "gzip"}})), 400);
  EXPECT_EQ(status_of(get({{"te", "trailers"}})), 0);
}

TEST_F(Requests, PseudoFieldsAreKnownAndStandThereOnceAndFirst) {
  EXPECT_EQ(status_of({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}}), 400) << "no host at all";
  EXPECT_EQ(status_of({{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}}), 400);
  EXPECT_EQ(status_of({{":method", "GET"}, {":authority", "a"}, {":path", "/"}}), 400);
  EXPECT_EQ(status_of({{":scheme", "http"}, {":authority", "a"}, {":path", "/"}}), 400);
  EXPECT_EQ(status_of(get({{"x", "y"}, {":method", "GET"}})), 400);
  Fields twice = get({});
  twice.insert(twice.begin(), {":path", "/other"});
  EXPECT_EQ(status_of(twice), 400);
  twice.front() = {":protocol", "websocket"};
  EXPECT_EQ(status_of(twice), 400);
  twice.front() = {":status", "200"};
  EXPECT_EQ(status_of(twice), 400);
}

TEST_F(Requests, TargetsAreThoseOfHttp11) {
  for (const std::string_view path : {"", "x", "//[", "http://a.test/", "/a b", "/a#b", "/a\\b", "/\x80", "*"})
    EXPECT_EQ(status_of(with(":path", path)), path == "//[" ? 0 : 400) << path;
  for (const std::string_view authority : {"", "a b", "u@a.test", "a:b:c", "a/b", "a,b", "a?b"})
    EXPECT_EQ(status_of(with(":authority", authority)), 400) << authority;
}

TEST_F(Requests, LengthsAreThoseOfHttp11) {
  for (const std::string_view length : {"", "+1", "-1", "0x1", "1, 1", "1 1", "99999999999999999999"})
    EXPECT_EQ(status_of(get({{"content-length", length}}), false), 400) << length;
  EXPECT_EQ(status_of(get({{"content-length", "1"}, {"content-length", "1"}}), false), 400);
}

TEST_F(Requests, LimitsAreThoseOfHttp11) {
  const std::string large(5000, 'x');
  const auto status = [&](const HeadLimits& limits) {
    const auto error = read(get({{"a", large}, {"b", "c"}}), true, limits).error;
    return error ? error->status : 0;
  };
  EXPECT_EQ(status({.max_size = 6000}), 0);
  EXPECT_EQ(status({.max_size = 5000}), 431);
  EXPECT_EQ(status({.max_fields = 2}), 431);
}

/// An extended CONNECT (RFC 8441 §4), with others behind it.
Fields connect(const Fields& others = {}) {
  Fields all{{":method", "CONNECT"},
             {":protocol", "websocket"},
             {":scheme", "https"},
             {":authority", "a.test"},
             {":path", "/chat"}};
  all.insert(all.end(), others.begin(), others.end());
  return all;
}

TEST_F(Requests, AnExtendedConnectIsTheHandshakeOfHttp11WithoutItsKey) {
  const auto [head, error] = read(
      connect({{"sec-websocket-version", "13"}, {"sec-websocket-key", "mine"}, {"expect", "100-continue"}}), false);
  ASSERT_FALSE(error);
  EXPECT_EQ(head.method, "GET");
  EXPECT_EQ(head.target, "/chat");
  EXPECT_TRUE(head.must_switch);
  EXPECT_FALSE(head.has_body());
  EXPECT_FALSE(head.expects_continue) << "it has no body to wait with";
  EXPECT_THAT(head.headers.fields(),
              ElementsAre(Header{"host", "a.test"}, Header{"connection", "Upgrade"}, Header{"upgrade", "websocket"},
                          Header{"sec-websocket-version", "13"}));
  EXPECT_FALSE(read(get({})).head.must_switch);
}

TEST_F(Requests, AnExtendedConnectThatIsNoneIsRefused) {
  EXPECT_EQ(status_of(connect(), true), 400) << "it ends";
  EXPECT_EQ(status_of(connect({{"content-length", "3"}}), false), 400);
  EXPECT_EQ(status_of(connect({{"upgrade", "h2c"}}), false), 400);
  Fields other = connect();
  other[1].value = "connect-udp";
  EXPECT_EQ(status_of(other, false), 501);
  other = connect();
  other[0].value = "GET";
  EXPECT_EQ(status_of(other, false), 400);
  other = connect();
  other.erase(other.begin() + 4);
  EXPECT_EQ(status_of(other, false), 400) << "no path";
}

}  // namespace
}  // namespace picket::http
