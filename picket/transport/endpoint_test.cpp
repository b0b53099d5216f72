#include "picket/transport/endpoint.hpp"

#include <gtest/gtest.h>

namespace picket::transport {
namespace {

TEST(Endpoint, AddressesOfEveryFamilyAreRead) {
  EXPECT_EQ(Endpoint::parse("unix:/run/a.sock", ClearText::refused)->path(), "/run/a.sock");
  EXPECT_EQ(Endpoint::parse("unix:/run/a.sock", ClearText::allowed)->spelled(), "unix:/run/a.sock");
  EXPECT_EQ(Endpoint::parse("tcp:127.0.0.1:80", ClearText::allowed)->family(), AF_INET);
  EXPECT_EQ(Endpoint::parse("tcp:[::1]:65535", ClearText::allowed)->spelled(), "tcp:[::1]:65535");
}

TEST(Endpoint, TlsIsAskedForByItsSpellingAndNeedsNoOtherWord) {
  const auto v4 = Endpoint::parse("tls:127.0.0.1:80", ClearText::refused);
  ASSERT_TRUE(v4);
  EXPECT_TRUE(v4->is_tls());
  EXPECT_EQ(v4->host(), "127.0.0.1");
  EXPECT_EQ(v4->with_port(81).spelled(), "tls:127.0.0.1:81");
  EXPECT_EQ(Endpoint::parse("tls:[::1]:80", ClearText::refused)->host(), "::1");
  EXPECT_FALSE(Endpoint::parse("tcp:127.0.0.1:80", ClearText::allowed)->is_tls());
  EXPECT_FALSE(Endpoint::parse("unix:/a", ClearText::allowed)->is_tls());
}

TEST(Endpoint, WhereNamesAreNotTakenTheErrorSaysSo) {
  const auto named = Endpoint::parse("tls:agent.internal:80", ClearText::refused);
  ASSERT_FALSE(named);
  EXPECT_NE(named.error().detail().find("'agent.internal' is no IP address, and no names are looked up here"),
            std::string::npos);
}

TEST(Endpoint, NamesOfHostsAndServicesAreKeptAsTheyAre) {
  const auto host = Endpoint::parse("grpcs:agent.internal:80", ClearText::refused, Hosts::names_too);
  ASSERT_TRUE(host);
  EXPECT_TRUE(host->is_name());
  EXPECT_EQ(host->host(), "agent.internal");
  EXPECT_EQ(host->port(), 80);
  EXPECT_EQ(host->spelled(), "grpcs:agent.internal:80");
  const auto service = Endpoint::parse("tcp:_agent._tcp.internal", ClearText::allowed, Hosts::names_too);
  ASSERT_TRUE(service);
  EXPECT_TRUE(service->is_name());
  EXPECT_EQ(service->host(), "_agent._tcp.internal");
  EXPECT_EQ(service->port(), 0);
  EXPECT_FALSE(Endpoint::parse("tcp:127.0.0.1:80", ClearText::allowed, Hosts::names_too)->is_name());
  EXPECT_FALSE(Endpoint::parse("unix:/a", ClearText::allowed, Hosts::names_too)->is_name());
  EXPECT_FALSE(Endpoint{}.is_name());
}

TEST(Endpoint, WhatIsNoNameIsRefusedWhereNamesAreTaken) {
  for (const auto* text : {"tcp:a..b:80", "tcp:agent.internal", "tcp:agent.internal:0", "tcp:agent.internal:x",
                           "tcp::80", "tcp:_agent._tcp.internal:80", "tcp:1.2.3:80", "tcp:a b:80", "agent.internal:80"})
    EXPECT_FALSE(Endpoint::parse(text, ClearText::allowed, Hosts::names_too)) << text;
}

TEST(Endpoint, AtAnAddressOfANameTheSameIsSpoken) {
  const auto name = Endpoint::parse("grpcs:agent.internal:80", ClearText::refused, Hosts::names_too);
  const Endpoint there = name->at(*Endpoint::tcp("::1", 80));
  EXPECT_EQ(there.spelled(), "grpcs:[::1]:80");
  EXPECT_FALSE(there.is_name());
}

TEST(Endpoint, ALinkLocalAddressMayNameItsInterface) {
  const auto scoped = Endpoint::parse("tcp:[fe80::1%lo]:80", ClearText::allowed);
  ASSERT_TRUE(scoped);
  EXPECT_EQ(scoped->spelled(), "tcp:[fe80::1%lo]:80");
  EXPECT_NE(reinterpret_cast<const sockaddr_in6*>(scoped->address())->sin6_scope_id, 0U);
  EXPECT_FALSE(Endpoint::parse("tcp:[fe80::1%no-such-one]:80", ClearText::allowed));
}

TEST(Endpoint, AtAnotherPortIsTheSameAddress) {
  const Endpoint other = Endpoint::tcp("::1", 0)->with_port(4711);
  EXPECT_EQ(other.text(), "[::1]:4711");
  EXPECT_EQ(Endpoint::parse("grpc:127.0.0.1:80", ClearText::allowed)->with_port(81).spelled(), "grpc:127.0.0.1:81");
  EXPECT_EQ(reinterpret_cast<const sockaddr_in6*>(other.address())->sin6_port, htons(4711));
}

TEST(Endpoint, WhatIsNoAddressIsRefusedWithItsReason) {
  for (const auto* text : {"", "localhost", "127.0.0.1", "127.0.0.1:80", "[::1]:80", "tcp:", "tcp:127.0.0.1",
                           "tcp:127.0.0.1:", "tcp:127.0.0.1:65536", "tcp:127.0.0.1:8x", "tcp:1.2.3:80", "tcp:host:80",
                           "unix:", "TCP:127.0.0.1:80", "http://127.0.0.1:80"}) {
    const auto endpoint = Endpoint::parse(text, ClearText::allowed);
    ASSERT_FALSE(endpoint) << text;
    EXPECT_FALSE(endpoint.error().detail().empty());
  }
}

TEST(Endpoint, ClearTextWantsTheWordThatSaysSo) {
  for (const auto* text : {"tcp:127.0.0.1:80", "tcp:[::1]:80", "tcp:0.0.0.0:0"}) {
    const auto endpoint = Endpoint::parse(text, ClearText::refused);
    ASSERT_FALSE(endpoint) << text;
    EXPECT_NE(endpoint.error().detail().find("insecure"), std::string::npos);
  }
}

TEST(Endpoint, AnErrorSaysWhatToWriteInstead) {
  const auto bare = Endpoint::parse("127.0.0.1:80", ClearText::allowed);
  EXPECT_NE(bare.error().detail().find("tcp:127.0.0.1:80"), std::string::npos);
  EXPECT_NE(bare.error().detail().find("grpcs:127.0.0.1:80"), std::string::npos);
  const auto clear = Endpoint::parse("grpc:127.0.0.1:80", ClearText::refused);
  EXPECT_NE(clear.error().detail().find("grpcs:IP:PORT"), std::string::npos);
}

TEST(Endpoint, WhatIsWrittenInAnotherWayIsAnsweredWithOurs) {
  const struct {
    std::string_view written;
    Hosts hosts;
    std::string_view says;
  } rows[] = {
      {"localhost:9", Hosts::names_too, "write tls:localhost:9 or grpcs:localhost:9"},
      {"http://agent:9", Hosts::names_too, "for gRPC write grpc:agent:9"},
      {"https://127.0.0.1:9", Hosts::numbers, "for gRPC write grpcs:127.0.0.1:9"},
      {"grpc://127.0.0.1:9", Hosts::names_too, "write grpc:127.0.0.1:9"},
      {"tls:1.2.3:9", Hosts::names_too, "'1.2.3' is neither a host's name nor an IP address"},
      {"tls::9", Hosts::names_too, "'' is neither a host's name nor an IP address"},
      {"tls:agent.internal", Hosts::names_too, "expected HOST:PORT"},
      {"tls:127.0.0.1", Hosts::numbers, "expected IP:PORT"},
      {"grpc:agent:9", Hosts::names_too, "Use grpcs:HOST:PORT"},
      {"agent", Hosts::names_too, "text tcp:HOST:PORT or grpc:HOST:PORT and the word insecure"},
  };
  for (const auto& [written, hosts, says] : rows) {
    const auto refused = Endpoint::parse(written, ClearText::refused, hosts);
    ASSERT_FALSE(refused) << written;
    EXPECT_NE(refused.error().detail().find(says), std::string::npos) << refused.error().detail();
  }
}

TEST(Endpoint, WhatIsSpokenThereIsPartOfTheSpelling) {
  for (const auto* text : {"unix:/a", "tcp:127.0.0.1:80", "tls:127.0.0.1:80", "tls:[::1]:80", "grpc+unix:/a",
                           "grpc:127.0.0.1:80", "grpc:[::1]:80", "grpcs:127.0.0.1:80", "grpcs:[::1]:80"}) {
    const auto endpoint = Endpoint::parse(text, ClearText::allowed);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(endpoint->spelled(), text);
    EXPECT_EQ(endpoint->carrier() == Carrier::grpc, std::string_view(text).starts_with("grpc")) << text;
    EXPECT_EQ(endpoint->is_tls(), std::string_view(text).find("s:") != std::string_view::npos) << text;
  }
  EXPECT_FALSE(Endpoint::parse("grpc:127.0.0.1:80", ClearText::refused));
  EXPECT_TRUE(Endpoint::parse("grpc+unix:/a", ClearText::refused));
  EXPECT_TRUE(Endpoint::parse("grpcs:127.0.0.1:80", ClearText::refused));
}

TEST(Endpoint, OnePlaceIsOneHoweverItIsWrittenAndWhateverIsSpokenThere) {
  const auto is_one = [](std::string_view one, std::string_view other) {
    const auto read = [](std::string_view text) {
      return Endpoint::parse(text, ClearText::allowed, Hosts::names_too).value();
    };
    return read(one).is_where(read(other)) && read(other).is_where(read(one));
  };
  EXPECT_TRUE(is_one("unix:a.sock", "grpc+unix:./a.sock"));
  EXPECT_TRUE(is_one("unix:/run/a.sock", "unix:/run//x/../a.sock"));
  EXPECT_TRUE(is_one("tcp:127.0.0.1:7", "grpcs:127.0.0.1:7"));
  EXPECT_TRUE(is_one("tcp:[::1]:7", "tls:[0:0::1]:7"));
  EXPECT_TRUE(is_one("tls:proxy.example:7", "tls:Proxy.example:7"));
  EXPECT_FALSE(is_one("unix:a.sock", "unix:b.sock"));
  EXPECT_FALSE(is_one("unix:a.sock", "unix:/a.sock"));
  EXPECT_FALSE(is_one("tcp:127.0.0.1:7", "tcp:127.0.0.1:8"));
  EXPECT_FALSE(is_one("tcp:127.0.0.1:7", "tcp:127.0.0.2:7"));
  EXPECT_FALSE(is_one("tls:proxy.example:7", "tls:127.0.0.1:7"));
  EXPECT_FALSE(is_one("unix:a.sock", "tls:proxy.example:7"));
}

TEST(Endpoint, PathThatTheKernelWouldCutIsRefused) {
  EXPECT_TRUE(Endpoint::unix_path(std::string(107, 'p')));
  EXPECT_FALSE(Endpoint::unix_path(std::string(108, 'p')));
}

TEST(Endpoint, WhereFramesAloneAreSpokenGrpcIsRefusedAndNotOffered) {
  const auto parse = [](std::string_view text) {
    return Endpoint::parse(text, ClearText::allowed, Hosts::names_too, Carriers::frames);
  };
  EXPECT_TRUE(parse("tls:proxy.example:1"));
  EXPECT_NE(parse("grpcs:proxy.example:1").error().detail().find("do not register over gRPC"), std::string::npos);
  for (const std::string_view text : {"proxy.example:1", "http://proxy.example:1", "/run/a.sock"}) {
    const auto refused = parse(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().detail().find("grpc"), std::string::npos) << refused.error().detail();
  }
}

}  // namespace
}  // namespace picket::transport
