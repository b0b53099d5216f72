#include "picket/transport/dns/hosts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::transport::dns {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view file =
    "# agents\n"
    "127.0.0.1\tlocalhost\n"
    "10.0.0.1 waf waf.example # the first\n"
    "10.0.0.2   WAF.example\r\n"
    "10.0.0.2 waf.example\n"
    "2001:db8::1 waf.example\n"
    "10.0.0 broken.example\n"
    "#10.0.0.9 waf.example\n"
    "waf.example\n"
    "\n"
    "::1%lo scoped";

TEST(HostsFile, EveryLineOfANameCountsWhateverItsCase) {
  EXPECT_THAT(addresses_in_hosts(file, "waf.example"), ElementsAre("10.0.0.1", "10.0.0.2", "2001:db8::1"));
  EXPECT_THAT(addresses_in_hosts(file, "Waf.Example."), ElementsAre("10.0.0.1", "10.0.0.2", "2001:db8::1"));
  EXPECT_THAT(addresses_in_hosts(file, "waf"), ElementsAre("10.0.0.1"));
  EXPECT_THAT(addresses_in_hosts(file, "scoped"), ElementsAre("::1%lo"));
}

TEST(HostsFile, WhatItDoesNotNameItHasNot) {
  for (const auto* name : {"example", "first", "broken.example", "10.0.0.1", "waf.example.org"})
    EXPECT_THAT(addresses_in_hosts(file, name), IsEmpty()) << name;
}

TEST(HostsFile, LocalhostIsThisMachineUnlessTheFileSaysOtherwise) {
  EXPECT_THAT(addresses_in_hosts(file, "localhost"), ElementsAre("127.0.0.1"));
  EXPECT_THAT(addresses_in_hosts("", "localhost"), ElementsAre("127.0.0.1", "::1"));
  EXPECT_THAT(addresses_in_hosts("", "agent.LOCALHOST."), ElementsAre("127.0.0.1", "::1"));
  EXPECT_THAT(addresses_in_hosts("", "notlocalhost"), IsEmpty());
}

}  // namespace
}  // namespace picket::transport::dns
