#include "apps/gateway/downstream/origin.hpp"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace picket::apps::gateway::downstream {
namespace {

class Origins : public ::testing::Test {
 protected:
  /// Of a request with these fields from 10.0.0.9:1234, where 10.0.0.0/8 is trusted.
  Origin of(const std::vector<base::Header>& fields, std::string_view peer = "10.0.0.9") {
    peer_ = {.ip = *config::IpAddress::parse(peer), .address = std::string{peer}, .port = 1234};
    if (is_secured_) peer_.tls = std::make_unique<const transport::tls::Secured>();
    return origin_of(peer_, trusted_, std::span<const base::Header>{fields}, arena_);
  }

  std::vector<config::Network> trusted_{*config::Network::parse("10.0.0.0/8")};
  bool is_secured_ = false;
  Peer peer_;
  base::Arena arena_;
};

TEST_F(Origins, APeerThatIsNotTrustedIsTheClientWhateverItSays) {
  const Origin origin =
      of({{"X-Forwarded-For", "192.0.2.1"}, {"X-Forwarded-Proto", "https"}, {"X-Forwarded-Host", "b"}}, "192.0.2.9");
  EXPECT_EQ(origin.address, "192.0.2.9");
  EXPECT_EQ(origin.port, 1234);
  EXPECT_EQ(origin.scheme, "http");
  EXPECT_EQ(origin.host, "");
  EXPECT_EQ(origin.forwarded_for, "192.0.2.9");
  EXPECT_FALSE(origin.is_forwarded);
  EXPECT_EQ(arena_.reserved(), 0);
}

TEST_F(Origins, OverTlsTheSchemeIsHttpsUnlessATrustedProxySaysOtherwise) {
  is_secured_ = true;
  EXPECT_EQ(of({}, "192.0.2.9").scheme, "https");
  EXPECT_EQ(of({{"X-Forwarded-Proto", "http"}}, "192.0.2.9").scheme, "https");
  EXPECT_EQ(of({}).scheme, "https");
  EXPECT_EQ(of({{"X-Forwarded-Proto", "http"}}).scheme, "http");
  EXPECT_EQ(of({{"X-Forwarded-Proto", "ftp"}}).scheme, "https");
}

TEST_F(Origins, ForwardedIsWalkedInTheSameWay) {
  const struct {
    std::vector<base::Header> fields;
    std::string_view client;
    std::string_view scheme;
    std::string_view host;
  } cases[] = {
      {{{"Forwarded", "for=192.0.2.1;proto=https;host=b.test"}}, "192.0.2.1", "https", "b.test"},
      {{{"Forwarded", "for=6.6.6.6;proto=https;host=evil, for=\"[2001:db8::1]:5\""}}, "2001:db8::1", "http", ""},
      {{{"Forwarded", "for=6.6.6.6, for=192.0.2.1;proto=https, for=10.0.0.7"}}, "192.0.2.1", "https", ""},
      {{{"Forwarded", "for=6.6.6.6"}, {"Forwarded", "for=192.0.2.1"}}, "192.0.2.1", "http", ""},
      {{{"Forwarded", "for=\"6.6.6.6"}, {"Forwarded", "for=10.0.0.7"}}, "10.0.0.7", "http", ""},
      {{{"Forwarded", "for=\"6.6.6.6, for=192.0.2.1"}}, "10.0.0.9", "http", ""},
      {{{"Forwarded", "for=6.6.6.6, for=unknown"}}, "10.0.0.9", "http", ""},
      {{{"Forwarded", "for=6.6.6.6"}, {"X-Forwarded-For", "192.0.2.1"}}, "192.0.2.1", "http", ""},
      {{{"Forwarded", "for=6.6.6.6;host=evil"}, {"X-Forwarded-Proto", "https"}}, "10.0.0.9", "https", ""},
  };
  for (const auto& [fields, client, scheme, host] : cases) {
    const Origin origin = of(fields);
    EXPECT_EQ(origin.address, client) << fields[0].value;
    EXPECT_EQ(origin.scheme, scheme) << fields[0].value;
    EXPECT_EQ(origin.host, host) << fields[0].value;
  }
  EXPECT_EQ(of({{"Forwarded", "for=6.6.6.6"}}, "192.0.2.9").address, "192.0.2.9") << "not trusted";
}

TEST_F(Origins, ForwardedForIsWalkedFromTheRightToTheFirstThatIsNotTrusted) {
  const struct {
    std::string_view value;
    std::string_view client;
    std::string_view passed_on;
  } cases[] = {
      {"192.0.2.1", "192.0.2.1", "192.0.2.1, 10.0.0.9"},
      {"6.6.6.6, 192.0.2.1", "192.0.2.1", "192.0.2.1, 10.0.0.9"},
      {"6.6.6.6, 192.0.2.1, 10.0.0.1", "192.0.2.1", "192.0.2.1, 10.0.0.1, 10.0.0.9"},
      {"10.0.0.3,10.0.0.2", "10.0.0.3", "10.0.0.3, 10.0.0.2, 10.0.0.9"},
      {"192.0.2.1:4711", "192.0.2.1", "192.0.2.1, 10.0.0.9"},
      {"[2001:DB8::1]:4711", "2001:db8::1", "2001:db8::1, 10.0.0.9"},
      {"2001:db8::1", "2001:db8::1", "2001:db8::1, 10.0.0.9"},
      {"::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1, 10.0.0.9"},
      {"192.0.2.1, unknown", "10.0.0.9", "10.0.0.9"},
      {"192.0.2.1, _hidden, 10.0.0.1", "10.0.0.1", "10.0.0.1, 10.0.0.9"},
      {" , ,192.0.2.1,,", "192.0.2.1", "192.0.2.1, 10.0.0.9"},
      {"", "10.0.0.9", "10.0.0.9"},
      {"a.test", "10.0.0.9", "10.0.0.9"},
  };
  for (const auto& [value, client, passed_on] : cases) {
    const Origin origin = of({{"x-forwarded-for", value}});
    EXPECT_EQ(origin.address, client) << value;
    EXPECT_EQ(origin.forwarded_for, passed_on) << value;
  }
}

TEST_F(Origins, SeveralFieldsAreOneList) {
  EXPECT_EQ(of({{"X-Forwarded-For", "6.6.6.6, 192.0.2.1"}, {"x-forwarded-for", "10.0.0.1"}}).address, "192.0.2.1");
}

TEST_F(Origins, ThePortIsTheOneThatIsSaidOrNotKnown) {
  EXPECT_EQ(of({{"X-Forwarded-For", "192.0.2.1:4711"}}).port, 4711);
  EXPECT_EQ(of({{"X-Forwarded-For", "192.0.2.1"}}).port, 0);
  EXPECT_EQ(of({}).port, 1234);
}

TEST_F(Origins, TheLastSchemeAndHostCount) {
  const Origin origin = of({{"X-Forwarded-Proto", "http"},
                            {"X-Forwarded-Proto", "http, HTTPS"},
                            {"X-Forwarded-Host", "evil.test"},
                            {"X-Forwarded-Host", "App.test:8443"}});
  EXPECT_EQ(origin.scheme, "https");
  EXPECT_EQ(origin.host, "app.test:8443");
  EXPECT_EQ(of({{"X-Forwarded-Proto", "https, ftp"}, {"X-Forwarded-Host", "a b"}}).scheme, "http");
  EXPECT_EQ(of({{"X-Forwarded-Host", "a/b"}}).host, "");
}

}  // namespace
}  // namespace picket::apps::gateway::downstream
