#include "apps/gateway/exchange/forwarded_request.hpp"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::apps::gateway::exchange {
namespace {

using base::Header;
using ::testing::ElementsAre;

class Forwarding : public ::testing::Test {
 protected:
  ForwardedRequest pass(const std::vector<Header>& fields, std::string_view target = "/",
                        std::string_view method = "GET") {
    const http::RequestHead head{.method = method, .target = target, .headers = std::span<const Header>{fields}};
    return forward(head, peer_, terms_, arena_);
  }
  /// What of these fields goes on, without what the gateway adds.
  std::vector<Header> passed(const std::vector<Header>& fields, std::string_view target = "/",
                             std::string_view method = "GET") {
    const auto out = pass(fields, target, method);
    std::vector<Header> kept{out.fields.items().begin(), out.fields.items().end()};
    const std::size_t own = out.authority.empty() ? 4 : 5;
    kept.resize(kept.size() - own);
    return kept;
  }

  downstream::Peer peer_{.ip = *config::IpAddress::parse("192.0.2.1"), .address = "192.0.2.1", .port = 5};
  std::vector<config::Network> trusted_{*config::Network::parse("192.0.2.1")};
  ForwardingTerms terms_{.request_id = "id"};
  base::Arena arena_;
};

TEST_F(Forwarding, SaysWhomItIsFrom) {
  const auto out = pass({{"Host", "a.test"}, {"B", "1"}});
  EXPECT_THAT(out.fields.items(),
              ElementsAre(Header{"Host", "a.test"}, Header{"B", "1"}, Header{"X-Forwarded-For", "192.0.2.1"},
                          Header{"X-Forwarded-Proto", "http"}, Header{"X-Forwarded-Host", "a.test"},
                          Header{"X-Real-IP", "192.0.2.1"}, Header{"X-Request-Id", "id"}));
}

TEST_F(Forwarding, DropsWhatStrangersSayOfThat) {
  for (const auto* const name : {"X-Forwarded-For", "x-forwarded-proto", "X-Forwarded-Host", "X-Forwarded-Port",
                                 "X-Forwarded-User", "Forwarded", "X-Real-IP"})
    EXPECT_THAT(passed({{"Host", "a"}, {name, "v"}}), ElementsAre(Header{"Host", "a"})) << name;
  terms_.underscores_in_headers = true;
  for (const auto* const name : {"X_Forwarded_For", "x_real_ip", "X.Forwarded.Host"})
    EXPECT_THAT(passed({{"Host", "a"}, {name, "v"}}), ElementsAre(Header{"Host", "a"})) << name;
}

TEST_F(Forwarding, WhatIsToldOfAClientCertificateIsNobodysToSay) {
  terms_.underscores_in_headers = true;
  for (const bool is_trusted : {false, true}) {
    if (is_trusted) terms_.trusted_proxies = trusted_;
    for (const auto* const name : {"X-Client-Cert-Verified", "x-client-cert-subject", "X-Client-Cert-Issuer",
                                   "X_Client_Cert_Serial", "x-client-cert_fingerprint"})
      EXPECT_THAT(passed({{"Host", "a"}, {name, "v"}}), ElementsAre(Header{"Host", "a"})) << name;
  }
}

TEST_F(Forwarding, TellsOfAClientCertificateWhereOneIsAskedFor) {
  transport::tls::Secured secured;
  const auto told = [&] {
    peer_.tls = std::make_unique<const transport::tls::Secured>(secured);
    const auto out = pass({{"X-Client-Cert-Verified", "true"}});
    std::vector<Header> own;
    for (const auto& field : out.fields.items())
      if (field.name.starts_with("x-client-cert-")) own.push_back(field);
    return own;
  };
  EXPECT_THAT(told(), ElementsAre());
  secured.asks_for_certificate = true;
  EXPECT_THAT(told(), ElementsAre(Header{"x-client-cert-verified", "false"}));
  secured.peer = {.subject = "CN=a", .issuer = "CN=ca", .serial = "01", .fingerprint = "ab"};
  EXPECT_THAT(told(), ElementsAre(Header{"x-client-cert-verified", "true"}, Header{"x-client-cert-subject", "CN=a"},
                                  Header{"x-client-cert-issuer", "CN=ca"}, Header{"x-client-cert-serial", "01"},
                                  Header{"x-client-cert-fingerprint", "ab"}));
}

TEST_F(Forwarding, OfATrustedProxyTheRestGoesOn) {
  terms_.trusted_proxies = trusted_;
  EXPECT_THAT(passed({{"Host", "a"}, {"X-Forwarded-Port", "443"}, {"Forwarded", "for=1"}, {"X-Real-IP", "6.6.6.6"}}),
              ElementsAre(Header{"Host", "a"}, Header{"X-Forwarded-Port", "443"}));
  const auto out = pass(
      {{"Host", "a"}, {"X-Forwarded-For", "203.0.113.7"}, {"X-Forwarded-Proto", "https"}, {"X-Forwarded-Host", "b"}});
  EXPECT_EQ(http::find(out.fields, "x-forwarded-for")->value, "203.0.113.7, 192.0.2.1");
  EXPECT_EQ(http::find(out.fields, "x-forwarded-proto")->value, "https");
  EXPECT_EQ(http::find(out.fields, "x-forwarded-host")->value, "b");
  EXPECT_EQ(http::find(out.fields, "x-real-ip")->value, "203.0.113.7");
}

TEST_F(Forwarding, NamesWithUnderscoresGoOnWhereTheyMay) {
  const std::vector<Header> fields{{"Host", "a"}, {"X_Auth_User", "root"}};
  EXPECT_THAT(passed(fields), ElementsAre(Header{"Host", "a"}));
  terms_.underscores_in_headers = true;
  EXPECT_EQ(passed(fields), fields);
}

TEST_F(Forwarding, TellsOfABodyAsItCame) {
  const std::vector<Header> fields{{"Host", "a"}, {"Content-Length", "3"}};
  EXPECT_EQ(passed(fields), fields);
  EXPECT_THAT(passed({{"Host", "a"}, {"Connection", "content-length, close"}, {"Transfer-Encoding", "chunked"}}),
              ElementsAre(Header{"Host", "a"}, Header{"Transfer-Encoding", "chunked"}));
}

TEST_F(Forwarding, TheRequestIdThatWasChosenIsWrittenOnce) {
  terms_.underscores_in_headers = true;
  EXPECT_THAT(passed({{"Host", "a"}, {"x-request-id", "mine"}, {"X-Request-ID", ""}, {"X_Request_Id", "b"}}),
              ElementsAre(Header{"Host", "a"}));
}

TEST_F(Forwarding, WhatNamesAnotherTargetGoesOnOfATrustedProxyOnly) {
  for (const auto* const name : {"X-Original-URL", "x-rewrite-url", "X-Original-URI"}) {
    terms_.trusted_proxies = {};
    EXPECT_THAT(passed({{"Host", "a"}, {name, "/admin"}}), ElementsAre(Header{"Host", "a"})) << name;
    terms_.trusted_proxies = trusted_;
    EXPECT_THAT(passed({{"Host", "a"}, {name, "/admin"}}), ElementsAre(Header{"Host", "a"}, Header{name, "/admin"}));
  }
}

TEST_F(Forwarding, OtherNamesOfClientAndHostGoOnOfATrustedProxyOnly) {
  for (const auto* const name :
       {"True-Client-IP", "CF-Connecting-IP", "x-client-ip", "X-Cluster-Client-IP", "CLIENT-IP", "X-ProxyUser-Ip",
        "X-Original-Forwarded-For", "Forwarded-For", "X-Forwarded", "X-Host", "X-Original-Host", "X-HTTP-Host-Override",
        "Fastly-Client-IP", "X-Real-Host", "X.Client.IP", "WL-Proxy-Client-IP"}) {
    terms_.trusted_proxies = {};
    EXPECT_THAT(passed({{"Host", "a"}, {name, "10.0.0.1"}}), ElementsAre(Header{"Host", "a"})) << name;
    terms_.trusted_proxies = trusted_;
    EXPECT_THAT(passed({{"Host", "a"}, {name, "10.0.0.1"}}),
                ElementsAre(Header{"Host", "a"}, Header{name, "10.0.0.1"}));
  }
  terms_.trusted_proxies = {};
  for (const auto* const name : {"X-Hosts", "Client-Id", "True-Client-IX", "X", "Accept"})
    EXPECT_THAT(passed({{"Host", "a"}, {name, "v"}}), ElementsAre(Header{"Host", "a"}, Header{name, "v"})) << name;
}

TEST_F(Forwarding, AnAbsoluteTargetIsAPathAndItsAuthorityTheHost) {
  const auto out = pass({{"Host", "A.test:80"}}, "http://a.TEST/b?c");
  EXPECT_EQ(out.refusal, "");
  EXPECT_EQ(out.target, "/b?c");
  EXPECT_EQ(out.authority, "a.test:80");
  EXPECT_EQ(http::find(out.fields, "host")->value, "a.test:80");
  EXPECT_EQ(pass({{"B", "1"}}, "http://a.test/").fields.items().front(), (Header{"Host", "a.test"}));
  EXPECT_NE(pass({{"Host", "b.test"}}, "http://a.test/").refusal, "");
  EXPECT_NE(pass({{"Host", "a.test"}}, "http://a.test:81/").refusal, "");
  EXPECT_NE(pass({{"Host", "a.test:80"}}, "https://a.test/").refusal, "");
  EXPECT_EQ(pass({{"Host", "a.test:443"}}, "https://a.test/").refusal, "");
}

TEST_F(Forwarding, ARequestWithoutHostHasNoAuthority) {
  const auto out = pass({});
  EXPECT_EQ(out.authority, "");
  EXPECT_EQ(http::find(out.fields, "x-forwarded-host"), nullptr);
}

TEST_F(Forwarding, MaxForwardsCountsForOptionsAndTrace) {
  for (const auto* const method : {"OPTIONS", "TRACE"}) {
    EXPECT_THAT(passed({{"Max-Forwards", "5"}}, "*", method), ElementsAre(Header{"Max-Forwards", "4"}));
    EXPECT_THAT(passed({{"max-forwards", "99999999999999999999999"}}, "/", method),
                ElementsAre(Header{"max-forwards", "18446744073709551614"}));
    EXPECT_TRUE(pass({{"Max-Forwards", "0"}}, "/", method).ends_here);
    EXPECT_FALSE(pass({{"Max-Forwards", "1"}}, "/", method).ends_here);
    for (const auto* const value : {"", "-1", "1 2", "x", "0x1"})
      EXPECT_NE(pass({{"Max-Forwards", value}}, "/", method).refusal, "") << value;
  }
  EXPECT_FALSE(pass({{"Max-Forwards", "0"}}).ends_here);
  EXPECT_THAT(passed({{"Max-Forwards", "x"}}), ElementsAre(Header{"Max-Forwards", "x"}));
}

}  // namespace
}  // namespace picket::apps::gateway::exchange
