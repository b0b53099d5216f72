#include "picket/http/authority.hpp"

#include <gtest/gtest.h>

namespace picket::http {
namespace {

TEST(Authority, IsAHostAndMayHaveAPort) {
  for (const auto* const text :
       {"", "a", "a.test.", "A-b.c_d:8080", "192.0.2.1", "[::1]", "[2001:DB8::1]:80", "a:", "a:65535"})
    EXPECT_TRUE(is_authority(text)) << text;
  for (const auto* const text :
       {":80",  "a:b", "a:65536", "a:123456", "::1", "[]",   "[x]", "[1::2::3]", "[1.2.3.4]", "[:]",
        "[::1", "a b", "a/b",     "u@a",      "%61", "a%2e", "a..", "a..b",      ".a",        "."})
    EXPECT_FALSE(is_authority(text)) << text;
}

TEST(Authority, HasANameWithoutPortAndLastDot) {
  for (const auto* const text : {"a.test", "a.test.", "a.test:80", "a.test.:80", "a.test:"})
    EXPECT_EQ(host_name(text), "a.test") << text;
  EXPECT_EQ(host_name("[::1]:80"), "[::1]");
  EXPECT_EQ(host_name("[::1]"), "[::1]");
  EXPECT_EQ(host_name(""), "");
}

TEST(Authority, GoesOnInOneForm) {
  base::Arena arena;
  EXPECT_EQ(canonical_authority("a.test:80", arena), "a.test:80");
  EXPECT_EQ(canonical_authority("A.Test.:80", arena), "a.test:80");
  EXPECT_EQ(canonical_authority("a.test.", arena), "a.test");
  EXPECT_EQ(canonical_authority("[::A]:1", arena), "[::a]:1");
  EXPECT_EQ(canonical_authority("[0:0::1]", arena), "[::1]");
  EXPECT_EQ(canonical_authority("[2001:DB8:0:0::1]:80", arena), "[2001:db8::1]:80");
  EXPECT_EQ(canonical_authority("[::ffff:127.0.0.1]:80", arena), "127.0.0.1:80");
  EXPECT_EQ(canonical_authority("[::ffff:7f00:1]", arena), "127.0.0.1");
  EXPECT_EQ(canonical_authority("", arena), "");
}

TEST(Authority, IsTheSameInAnyCaseAndWithItsDefaultPort) {
  EXPECT_TRUE(same_authority("A.test", "a.TEST:80", 80));
  EXPECT_TRUE(same_authority("a.test:", "a.test:080", 80));
  EXPECT_TRUE(same_authority("a.test.", "a.test", 80));
  EXPECT_TRUE(same_authority("a.test:443", "a.test", 443));
  EXPECT_FALSE(same_authority("a.test:443", "a.test", 80));
  EXPECT_FALSE(same_authority("a.test:81", "a.test:82", 80));
  EXPECT_FALSE(same_authority("a.test", "b.test", 80));
}

}  // namespace
}  // namespace picket::http
