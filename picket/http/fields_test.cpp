#include "picket/http/fields.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::http {
namespace {

using base::Header;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = base::HeaderOp::Kind;

class Fields : public ::testing::Test {
 protected:
  std::vector<Header> passed_on(const std::vector<Header>& headers) {
    FieldList list{arena_};
    copy_end_to_end(std::span<const Header>{headers}, list);
    return contents(list);
  }
  std::vector<Header> applied(const std::vector<Header>& headers, const std::vector<base::HeaderOp>& ops) {
    FieldList list{arena_};
    for (const auto& header : headers) list.push_back(header);
    apply(ops, list, arena_);
    return contents(list);
  }
  static std::vector<Header> contents(const FieldList& list) { return {list.items().begin(), list.items().end()}; }

  base::Arena arena_;
};

TEST_F(Fields, WhatConcernsOneConnectionIsNotPassedOn) {
  EXPECT_THAT(passed_on({{"Connection", "keep-alive"},
                         {"Keep-Alive", "timeout=5"},
                         {"Proxy-Authenticate", "Basic"},
                         {"Proxy-Authorization", "Basic eDp5"},
                         {"Proxy-Connection", "close"},
                         {"TE", "trailers"},
                         {"Trailer", "X-T"},
                         {"Transfer-Encoding", "chunked"},
                         {"Upgrade", "websocket"},
                         {"Content-Length", "3"},
                         {"Expect", "100-continue"}}),
              IsEmpty());
}

TEST_F(Fields, TheRestIsPassedOnInItsOrderAndBytes) {
  const std::vector<Header> headers{{"HOST", "a"}, {"b", "1"}, {"Cookie", "x"}, {"B", "\xff"}, {"cookie", "y"}};
  EXPECT_EQ(passed_on(headers), headers);
}

TEST_F(Fields, ConnectionTakesNothingElseAway) {
  for (const auto* const name :
       {"Host", "content-type", "COOKIE", "Authorization", "X-Forwarded-For", "x_forwarded_for", "X-Api-Key",
        "x-csrf-token", "SOAPAction", "X-Http-Method-Override", "X-Anything"})
    EXPECT_THAT(passed_on({{name, "v"}, {"Connection", name}}), ElementsAre(Header{name, "v"})) << name;
  EXPECT_THAT(passed_on({{"Connection", "http2-settings"}, {"HTTP2-Settings", "AAMAAABk"}}), IsEmpty());
}

TEST_F(Fields, HopByHopFieldsAreSoInEverySpelling) {
  EXPECT_THAT(passed_on({{"Transfer_Encoding", "chunked"}, {"content_length", "3"}, {"Keep.Alive", "1"}}), IsEmpty());
}

TEST_F(Fields, SpellingsThatReachAnApplicationAsOneNameAreTheSame) {
  for (const auto* const name : {"X-Auth-User", "x_auth_user", "X-Auth_USER", "x.auth~user"})
    EXPECT_TRUE(same_spelling(name, "X-Auth-User")) << name;
  for (const auto* const name : {"X-Auth-Use", "XAuthUser", "X-Auth-Usex", "X--Auth-User", "X1Auth-User"})
    EXPECT_FALSE(same_spelling(name, "X-Auth-User")) << name;
}

TEST_F(Fields, SetAndRemoveTakeEverySpellingAway) {
  const std::vector<Header> sent{{"X_Auth_User", "root"}, {"X-Auth-User", "root"}, {"x.auth.user", "root"}, {"B", "2"}};
  EXPECT_THAT(applied(sent, {{Kind::set, "x-auth-user", "me"}}),
              ElementsAre(Header{"B", "2"}, Header{"x-auth-user", "me"}));
  EXPECT_THAT(applied(sent, {{Kind::remove, "X-Auth-User", ""}}), ElementsAre(Header{"B", "2"}));
}

TEST_F(Fields, SetReplacesEveryFieldOfThatNameByOne) {
  EXPECT_THAT(applied({{"a", "1"}, {"B", "2"}, {"A", "3"}}, {{Kind::set, "A", "new"}}),
              ElementsAre(Header{"B", "2"}, Header{"A", "new"}));
  EXPECT_THAT(applied({}, {{Kind::set, "a", ""}}), ElementsAre(Header{"a", ""}));
}

TEST_F(Fields, AddAppendsAndRemoveRemovesAll) {
  EXPECT_THAT(applied({{"a", "1"}}, {{Kind::add, "A", "2"}}), ElementsAre(Header{"a", "1"}, Header{"A", "2"}));
  EXPECT_THAT(applied({{"a", "1"}, {"b", "2"}, {"A", "3"}}, {{Kind::remove, "A", ""}}), ElementsAre(Header{"b", "2"}));
}

TEST_F(Fields, OperationsApplyInTheirOrder) {
  EXPECT_THAT(applied({{"a", "1"}}, {{Kind::remove, "a", ""}, {Kind::add, "a", "2"}, {Kind::add, "a", "3"}}),
              ElementsAre(Header{"a", "2"}, Header{"a", "3"}));
  EXPECT_THAT(applied({{"a", "1"}}, {{Kind::add, "a", "2"}, {Kind::set, "a", "3"}}), ElementsAre(Header{"a", "3"}));
}

TEST_F(Fields, AppliedTextOutlivesTheOperations) {
  FieldList list{arena_};
  {
    std::string name = "x-name";
    std::string value(100, 'v');
    const std::vector<base::HeaderOp> ops{{Kind::set, name, value}};
    apply(ops, list, arena_);
    name.assign(name.size(), '?');
    value.assign(value.size(), '?');
  }
  EXPECT_THAT(contents(list), ElementsAre(Header{"x-name", std::string(100, 'v')}));
}

TEST_F(Fields, LinesAreWrittenAsTheyGoOnTheWire) {
  base::Buffer out;
  write_request_line(out, "GET", "/a");
  write_status_line(out, 404);
  write_status_line(out, 299);
  write_status_line(out, 200, "Fine");
  write_field(out, "A", "");
  write_field(out, "B", "c");
  EXPECT_EQ(out.text(),
            "GET /a HTTP/1.1\r\nHTTP/1.1 404 Not Found\r\nHTTP/1.1 299 \r\nHTTP/1.1 200 Fine\r\nA: \r\nB: c\r\n");
}

TEST_F(Fields, EveryStatusThatIsRegisteredHasItsPhrase) {
  for (const std::uint16_t status : {103, 207, 400, 404, 405, 407, 408, 413, 414, 416, 421, 422, 425,
                                     426, 428, 431, 451, 501, 502, 503, 504, 505, 508, 510, 511})
    EXPECT_NE(standard_reason(status), "") << status;
  EXPECT_EQ(standard_reason(200), "OK");
  EXPECT_EQ(standard_reason(505), "HTTP Version Not Supported");
  EXPECT_EQ(standard_reason(0), "");
  EXPECT_EQ(standard_reason(999), "");
}

}  // namespace
}  // namespace picket::http
