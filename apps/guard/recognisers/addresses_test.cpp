#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/guard/testing/found.hpp"

/// E-mail and IP addresses.
namespace picket::apps::guard {
namespace {

using ::testing::ElementsAre;
using testing::found;
using ::testing::IsEmpty;

TEST(EmailRecogniser, FindsAddressesWithoutWhatStandsAroundThem) {
  constexpr auto email = Category::email;
  EXPECT_THAT(found(email, "Write to ann@example.com."), ElementsAre("ann@example.com"));
  EXPECT_THAT(found(email, "<a.b+tag@sub.example.co.uk>, \"o'hara@example.ie\""),
              ElementsAre("a.b+tag@sub.example.co.uk", "o'hara@example.ie"));
  EXPECT_THAT(found(email, "mailto:bob_2@xn--bcher-kva.example"), ElementsAre("bob_2@xn--bcher-kva.example"));
  EXPECT_THAT(found(email, "a@b.io,c@d.io"), ElementsAre("a@b.io", "c@d.io"));
  EXPECT_THAT(found(email, "jürgen@bücher.example"), ElementsAre("jürgen@bücher.example"));
}

TEST(EmailRecogniser, TakesNothingElseForOne) {
  for (const char* text : {"@handle", "a@b", "user@localhost", "a@@b.com", "x@-a.com", "git@1.2.3.4", "a@b..com", "@",
                           "a@", "3 @ 5.00", ".@a.com"})
    EXPECT_THAT(found(Category::email, text), IsEmpty()) << text;
}

TEST(IpRecogniser, FindsAddressesOfBothKinds) {
  constexpr auto ip = Category::ip_address;
  EXPECT_THAT(found(ip, "from 203.0.113.7:8080, 10.1.2.3."), ElementsAre("203.0.113.7", "10.1.2.3"));
  EXPECT_THAT(found(ip, "[2001:db8::8a2e:370:7334]:443"), ElementsAre("2001:db8::8a2e:370:7334"));
  EXPECT_THAT(found(ip, "fe80::1ff:fe23:4567:890a, and ::ffff:192.0.2.1"),
              ElementsAre("fe80::1ff:fe23:4567:890a", "::ffff:192.0.2.1"));
}

TEST(IpRecogniser, TakesNothingElseForOne) {
  for (const char* text :
       {"127.0.0.1", "0.0.0.0", "255.255.255.0", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "version 1.2.3.4",
        "v1.2.3.4", "12:30:45", "00:1a:2b:3c:4d:5e", "std::cout", "a::b", "::1", "::", "Foo::Bar::baz", "dead:beef"})
    EXPECT_THAT(found(Category::ip_address, text), IsEmpty()) << text;
}

}  // namespace
}  // namespace picket::apps::guard
