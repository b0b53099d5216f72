#include "picket/transport/endpoint.hpp"

#include <gtest/gtest.h>

namespace picket::transport {
namespace {

TEST(Endpoint, AddressesOfEveryFamilyAreRead) {
  EXPECT_EQ(Endpoint::parse("unix:/run/a.sock")->path(), "/run/a.sock");
  EXPECT_EQ(Endpoint::parse("127.0.0.1:80")->family(), AF_INET);
  EXPECT_EQ(Endpoint::parse("[::1]:65535")->text(), "[::1]:65535");
}

TEST(Endpoint, WhatIsNoAddressIsRefusedWithItsReason) {
  for (const auto* text :
       {"", "localhost", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:8x", "1.2.3:80", "unix:"}) {
    const auto endpoint = Endpoint::parse(text);
    ASSERT_FALSE(endpoint) << text;
    EXPECT_FALSE(endpoint.error().detail().empty());
  }
}

TEST(Endpoint, PathThatTheKernelWouldCutIsRefused) {
  EXPECT_TRUE(Endpoint::unix_path(std::string(107, 'p')));
  EXPECT_FALSE(Endpoint::unix_path(std::string(108, 'p')));
}

}  // namespace
}  // namespace picket::transport
