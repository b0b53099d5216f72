#include "picket/base/host_name.hpp"

#include <string>

#include <gtest/gtest.h>

namespace picket::base {
namespace {

TEST(HostName, NamesOfHostsAndContainersAreNames) {
  for (const auto* text :
       {"localhost", "a.example", "a.example.", "my_agent-1", "_agent._tcp.example", "1a", "10.0.0.a"})
    EXPECT_TRUE(is_host_name(text)) << text;
  EXPECT_TRUE(is_host_name(std::string(63, 'a') + ".example"));
}

TEST(HostName, WhatNoResolverCouldBeAskedForIsNone) {
  for (const auto* text :
       {"", ".", ".a", "a..b", "-a", "a.-b", "10.0.0.1", "1.2.3", "::1", "a b", "a/b", "a:80", "ä.example"})
    EXPECT_FALSE(is_host_name(text)) << text;
  EXPECT_FALSE(is_host_name(std::string(64, 'a')));
  std::string longest = "a";
  while (longest.size() < 254) longest += ".a";
  EXPECT_FALSE(is_host_name(longest));
}

TEST(HostName, ServicesHaveTwoLabelsBeforeTheirDomain) {
  EXPECT_TRUE(is_service_name("_agent._tcp.example"));
  EXPECT_TRUE(is_service_name("_grpc._tcp.waf.default.svc.cluster.local."));
  for (const auto* text :
       {"_agent._udp.example", "_agent.example", "agent._tcp.example", "_agent._tcp", "_._tcp.example", ""})
    EXPECT_FALSE(is_service_name(text)) << text;
  EXPECT_EQ(domain_of_service("_agent._tcp.a.example"), "a.example");
}

}  // namespace
}  // namespace picket::base
