#include "apps/gateway/config/address.hpp"

#include <gtest/gtest.h>

namespace picket::apps::gateway::config {
namespace {

TEST(Address, HostAndPortAreTakenApart) {
  struct Case {
    std::string_view written;
    std::string_view host;
    std::uint16_t port;
  };
  for (const auto& [written, host, port] :
       {Case{"127.0.0.1:80", "127.0.0.1", 80}, Case{"0.0.0.0:65535", "0.0.0.0", 65535}, Case{"[::1]:1", "::1", 1},
        Case{"[fe80::1]:8080", "fe80::1", 8080}}) {
    SCOPED_TRACE(written);
    for (const Hosts hosts : {Hosts::numbers, Hosts::names_too}) {
      const auto address = parse_address(written, hosts);
      ASSERT_TRUE(address.has_value()) << address.error().message;
      EXPECT_EQ(address->host, host);
      EXPECT_EQ(address->port, port);
    }
  }
}

TEST(Address, NamesStandOnlyWhereTheyMay) {
  for (const std::string_view name : {"localhost:80", "app.example:80", "my_service:80", "a1-b.c:80"}) {
    EXPECT_TRUE(parse_address(name, Hosts::names_too).has_value()) << name;
    EXPECT_FALSE(parse_address(name, Hosts::numbers).has_value()) << name;
  }
}

TEST(Address, EachMistakeIsToldWithItsRemedy) {
  struct Case {
    std::string_view written;
    std::string_view message;
    std::string_view hint;
  };
  const std::string_view numbers = "write it as in \"127.0.0.1:8080\" or \"[::1]:8080\"";
  for (const auto& [written, message, hint] :
       {Case{"127.0.0.1", "\"127.0.0.1\" has no port", "write it behind a colon: \"127.0.0.1:8080\""},
        Case{"[::1]", "\"[::1]\" has no port", "write it behind a colon: \"[::1]:8080\""},
        Case{"http://a:80", "\"http://a:80\" is a URL, not an address", "write it without http://"},
        Case{"127.0.0.1:0", "\"0\" is not a port", "ports are from 1 to 65535"},
        Case{"127.0.0.1:65536", "\"65536\" is not a port", "ports are from 1 to 65535"},
        Case{"127.0.0.1:", "\"\" is not a port", "ports are from 1 to 65535"},
        Case{"127.0.0.1:8x", "\"8x\" is not a port", "ports are from 1 to 65535"},
        Case{":80", "there is no address before the port",
             "write \"127.0.0.1:80\", or \"0.0.0.0:80\" for all interfaces"},
        Case{"::1:80", "the IPv6 address in \"::1:80\" has no brackets", "write it as in \"[::1]:8080\""},
        Case{"[::g]:80", "\"::g\" is not an IP address", numbers},
        Case{"127.0.0.256:80", "\"127.0.0.256\" is not an IP address", numbers},
        Case{"localhost:80", "\"localhost\" is not an IP address", numbers}}) {
    SCOPED_TRACE(written);
    const auto address = parse_address(written, Hosts::numbers);
    ASSERT_FALSE(address.has_value());
    EXPECT_EQ(address.error().message, message);
    EXPECT_EQ(address.error().hint, hint);
  }
  for (const std::string_view written : {"256.0.0.1:80", "-a:80", ".a:80", "a..b:80", "a b:80", "a/b:80", "[a]:80"})
    EXPECT_FALSE(parse_address(written, Hosts::names_too).has_value()) << written;
}

TEST(Host, IsAName) {
  for (const std::string_view host : {"app.example", "APP", "127.0.0.1", "[::1]", "a_b"})
    EXPECT_TRUE(is_host(host)) << host;
  for (const std::string_view host : {"", "app:80", "*.example", "::1", "a b", "1.2.3.4.5"})
    EXPECT_FALSE(is_host(host)) << host;
}

}  // namespace
}  // namespace picket::apps::gateway::config
