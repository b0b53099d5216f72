#include "apps/gateway/config/network.hpp"

#include <array>

#include <gtest/gtest.h>
#include <netinet/in.h>

namespace picket::apps::gateway::config {
namespace {

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value_or(IpAddress{}); }

TEST(IpAddress, IPv4IsTheSameHoweverItIsMapped) {
  EXPECT_EQ(ip("192.0.2.1"), ip("::ffff:192.0.2.1"));
  EXPECT_EQ(ip("::ffff:192.0.2.1").text(), "192.0.2.1");
  EXPECT_EQ(ip("::FFFF:c000:201").text(), "192.0.2.1");
  EXPECT_EQ(ip("2001:DB8:0::1").text(), "2001:db8::1");
  sockaddr_in6 mapped{};
  mapped.sin6_family = AF_INET6;
  mapped.sin6_addr.s6_addr[10] = mapped.sin6_addr.s6_addr[11] = 0xFF;
  mapped.sin6_addr.s6_addr[12] = 127;
  mapped.sin6_addr.s6_addr[15] = 1;
  EXPECT_EQ(IpAddress::of(reinterpret_cast<const sockaddr&>(mapped)).text(), "127.0.0.1");
}

TEST(IpAddress, WhatIsNoneIsNotTaken) {
  for (const auto* const text : {"", "unknown", "1.2.3", "1.2.3.4:5", "[::1]", "1.2.3.4.5", "::1%lo", " ::1", "a.test"})
    EXPECT_FALSE(IpAddress::parse(text)) << text;
}

TEST(Network, HasTheAddressesThatShareItsBits) {
  const struct {
    std::string_view network;
    std::string_view address;
    bool has;
  } cases[] = {{"10.0.0.0/8", "10.255.0.1", true},
               {"10.0.0.0/8", "11.0.0.0", false},
               {"192.0.2.1", "192.0.2.1", true},
               {"192.0.2.1", "192.0.2.2", false},
               {"10.0.0.0/8", "::ffff:10.1.2.3", true},
               {"172.16.0.0/12", "172.31.1.1", true},
               {"172.16.0.0/12", "172.32.1.1", false},
               {"0.0.0.0/0", "1.2.3.4", true},
               {"0.0.0.0/0", "::1", false},
               {"::/0", "::1", true},
               {"fd00::/8", "fdff::1", true},
               {"fd00::/8", "fe00::1", false},
               {"2001:db8::/33", "2001:db8:7f::", true},
               {"2001:db8::/33", "2001:db8:8000::", false}};
  for (const auto& [text, address, has] : cases) {
    const auto network = Network::parse(text);
    ASSERT_TRUE(network) << text;
    EXPECT_EQ(network->has(ip(address)), has) << text << " " << address;
  }
}

TEST(Network, MistakesAreToldWithTheirRemedy) {
  for (const auto* const text :
       {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "::/129", "10.0.0.0/8/8", "a.test", "10.0.0/8", "/8"}) {
    const auto network = Network::parse(text);
    ASSERT_FALSE(network) << text;
    EXPECT_FALSE(network.error().message.empty() || network.error().hint.empty()) << text;
  }
}

}  // namespace
}  // namespace picket::apps::gateway::config
