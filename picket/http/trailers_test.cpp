#include "picket/http/trailers.hpp"

#include <gtest/gtest.h>

#include "picket/base/arena.hpp"

namespace picket::http {
namespace {

TEST(Trailers, LinesAreReadAsTheFieldsOfAHeadAre) {
  base::Arena arena;
  const base::Headers fields = read_trailers("Grpc-Status: 0\r\nx-empty:\r\nX-Colons:\t a:b \r\n", arena);
  ASSERT_EQ(fields.size(), 3U);
  EXPECT_EQ(fields[0], (base::Header{"Grpc-Status", "0"}));
  EXPECT_EQ(fields[1], (base::Header{"x-empty", ""}));
  EXPECT_EQ(fields[2], (base::Header{"X-Colons", "a:b"}));
}

TEST(Trailers, WhatTellsHowABodyCameOutMayPass) {
  for (const auto* name : {"grpc-status", "grpc-message", "grpc-status-details-bin", "etag", "server-timing",
                           "content-digest", "x-checksum"})
    EXPECT_TRUE(may_be_trailer({name, "1"})) << name;
}

TEST(Trailers, WhatHadToBeKnownBeforeTheBodyMayNotWhateverItsSpelling) {
  for (const auto* name : {"Content-Length",
                           "transfer-encoding",
                           "TE",
                           "trailer",
                           "Host",
                           "Connection",
                           "Expect",
                           "range",
                           "If-Match",
                           "if_none_match",
                           "Authorization",
                           "Proxy-Authenticate",
                           "Cookie",
                           "set-cookie",
                           "Set_Cookie",
                           "Content_Type",
                           "content-encoding",
                           "Location",
                           "Cache-Control",
                           "Age",
                           "Date",
                           "Vary",
                           "X-Request-Id",
                           "Access-Control-Foo"})
    EXPECT_FALSE(may_be_trailer({name, "1"})) << name;
}

TEST(Trailers, WhatIsNoFieldMayNot) {
  EXPECT_FALSE(may_be_trailer({"", "1"}));
  EXPECT_FALSE(may_be_trailer({":status", "200"}));
  EXPECT_FALSE(may_be_trailer({"x y", "1"}));
  EXPECT_FALSE(may_be_trailer({"x", "a\r\nb: c"}));
  EXPECT_FALSE(may_be_trailer({"x", {"a\0b", 3}}));
}

}  // namespace
}  // namespace picket::http
