#include "picket/http/http2_response.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace picket::http {
namespace {

using Fields = std::vector<base::Header>;

class Http2Response : public ::testing::Test {
 protected:
  base::Result<ResponseHead> read(const Fields& fields, bool ends = false, bool to_head = false) {
    return read_http2_response(base::Headers{fields}, ends, to_head, {.max_size = 64 * 1024, .max_fields = 1000},
                               arena_);
  }
  std::string why_not(const Fields& fields, bool ends = false) {
    const auto head = read(fields, ends);
    return head ? "it passes" : head.error().detail();
  }

 private:
  base::Arena arena_;
};

TEST_F(Http2Response, IsTheOneOfHttp1ThatItStandsFor) {
  const auto head = read({{":status", "200"}, {"content-type", "text/plain"}, {"x-a", "1"}, {"x-a", "2"}});
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->version, 20);
  EXPECT_EQ(head->framing, Framing::chunked);
  EXPECT_EQ(head->headers.count("x-a"), 2U);
}

TEST_F(Http2Response, SaysHowLongItsBodyIs) {
  EXPECT_EQ(read({{":status", "200"}, {"content-length", "5"}})->content_length, 5U);
  EXPECT_EQ(read({{":status", "200"}, {"content-length", "5"}})->framing, Framing::length);
  const auto empty = read({{":status", "200"}}, true);
  EXPECT_EQ(empty->framing, Framing::length);
  EXPECT_EQ(empty->content_length, 0U);
  EXPECT_EQ(read({{":status", "204"}}, true)->framing, Framing::none);
  EXPECT_EQ(read({{":status", "200"}, {"content-length", "5"}}, true, true)->framing, Framing::none);
  EXPECT_EQ(why_not({{":status", "200"}, {"content-length", "5"}}, true), "a Content-Length without a body");
}

TEST_F(Http2Response, HasOneStatusInFront) {
  for (const Fields& fields :
       {Fields{}, Fields{{"x-a", "1"}, {":status", "200"}}, Fields{{":status", "20"}}, Fields{{":status", "2000"}},
        Fields{{":status", "2x0"}}, Fields{{":status", "+20"}}, Fields{{":path", "/"}}})
    EXPECT_EQ(why_not(fields), "no :status of three digits in front");
  EXPECT_NE(why_not({{":status", "200"}, {":status", "200"}}), "it passes");
  EXPECT_NE(why_not({{":status", "200"}, {":path", "/"}}), "it passes");
  EXPECT_NE(why_not({{":status", "099"}}), "it passes");
  EXPECT_NE(why_not({{":status", "101"}}), "it passes");
}

TEST_F(Http2Response, DoesNotBecomeAnotherOneInHttp1) {
  for (const Fields& fields :
       {Fields{{":status", "200"}, {"X-A", "1"}}, Fields{{":status", "200"}, {"connection", "close"}},
        Fields{{":status", "200"}, {"transfer-encoding", "chunked"}}, Fields{{":status", "200"}, {"upgrade", "h2c"}},
        Fields{{":status", "200"}, {"keep-alive", "1"}}, Fields{{":status", "200"}, {"x-a", "1\r\nset-cookie: a=1"}},
        Fields{{":status", "200"}, {"x-a", "1\nb: c"}}, Fields{{":status", "200"}, {"x-a", {"1\0", 2}}},
        Fields{{":status", "200"}, {"x-a\r\nb", "1"}}, Fields{{":status", "200"}, {"x a", "1"}},
        Fields{{":status", "200"}, {"x:a", "1"}}, Fields{{":status", "200"}, {"", "1"}},
        Fields{{":status", "200"}, {"x-a", " 1"}},
        Fields{{":status", "200"}, {"content-length", "1"}, {"content-length", "2"}},
        Fields{{":status", "200"}, {"content-length", "-1"}}})
    EXPECT_NE(why_not(fields), "it passes") << fields[1].name << ": " << fields[1].value;
}

}  // namespace
}  // namespace picket::http
