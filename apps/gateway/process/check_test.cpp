#include "apps/gateway/process/check.hpp"

#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/gateway/config/testing/folder.hpp"
#include "picket/transport/testing/certificates.hpp"

namespace picket::apps::gateway::process {
namespace {

namespace fs = std::filesystem;
using config::testing::variables;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using transport::testing::Authority;
using transport::testing::Issued;

constexpr std::string_view base = R"(
listeners { listener "web" { address "127.0.0.1:8080" } }
upstreams { upstream "app" { target "127.0.0.1:9000" } }
routes { route "all" { upstream "app" } }
)";

class Check : public ::testing::Test {
 protected:
  int of(const std::string& text) {
    file_ = folder_.write("g.kdl", text).string();
    return check(file_, variables({}), out_, err_, false);
  }
  /// A listener with this certificate.
  static std::string serving(const Issued& issued, const std::string& key) {
    return R"(listeners { listener "safe" { address "127.0.0.1:8443"; protocol "https"; tls { cert-file ")" +
           issued.certificate_file + R"("; key-file ")" + key + R"(" } } }
upstreams { upstream "app" { target "127.0.0.1:9000" } }
routes { route "all" { upstream "app" } })";
  }

  const config::testing::Folder folder_;
  Authority authority_;
  std::string file_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(Check, SaysGoodOnOutAndGivesZero) {
  EXPECT_EQ(of(std::string{base}), 0);
  EXPECT_EQ(out_.str(), file_ + ": good: 1 listener, 1 route, 0 agents, 1 upstream\n");
  EXPECT_EQ(err_.str(), "");
}

TEST_F(Check, TellsErrorsOnErrAndGivesTwo) {
  EXPECT_EQ(of(std::string{base} + "limits { max-header-count 0 }"), 2);
  EXPECT_EQ(out_.str(), "");
  EXPECT_EQ(err_.str(), file_ +
                            ":5:27: error: \"max-header-count\" can't be 0\n"
                            "    5 | limits { max-header-count 0 }\n"
                            "      |                           ^\n"
                            "hint: it is from 1 to 10000\n"
                            "1 error in " +
                            file_ + "\n");
}

TEST_F(Check, OpensTheFilesOfListeners) {
  const Issued site = authority_.issue("site", "DNS:site.test");
  const Issued other = authority_.issue("other", "DNS:other.test");
  EXPECT_EQ(of(serving(site, site.key_file)), 0);
  EXPECT_EQ(err_.str(), "");
  EXPECT_EQ(of(serving(site, other.key_file)), 2);
  EXPECT_EQ(err_.str(), file_ + ": error: listener \"safe\": the key in " + other.key_file +
                            " is not the one of the certificate in " + site.certificate_file + "\n1 error in " + file_ +
                            "\n");
}

TEST_F(Check, OpensTheFilesOfAgentsAndOfTheReverseListenerAndSaysAllOfThem) {
  EXPECT_EQ(of(std::string{base} + R"(
agents { agent "a" { tcp "127.0.0.1:1"; tls { ca-cert "no-ca.pem" } }
         agent "b" { grpc "https://127.0.0.1:1"; tls { ca-cert "no-cb.pem" } } }
reverse-listener { tcp-address "127.0.0.1:2"; tls { cert-file "no-c.pem"; key-file "no-k.pem" } })"),
            2);
  for (const auto* const text : {"agent \"a\": cannot read the certificate file", "no-ca.pem", "agent \"b\": ",
                                 "no-cb.pem", "reverse-listener: cannot read", "no-c.pem", "3 errors in"})
    EXPECT_THAT(err_.str(), HasSubstr(text));
}

TEST_F(Check, WarnsOfWhatHasExpired) {
  const Issued old = authority_.issue("old", "DNS:old.test", -transport::testing::day);
  EXPECT_EQ(of(serving(old, old.key_file)), 0);
  EXPECT_THAT(err_.str(),
              ContainsRegex("warning: listener \"safe\": the certificate of old.test in .* has expired on "));
  EXPECT_THAT(out_.str(), HasSubstr(": good: "));
}

TEST_F(Check, WarnsOfNamesThatACertificateIsNotFor) {
  const Issued site = authority_.issue("site", "DNS:site.test");
  const Issued shop = authority_.issue("shop", "DNS:shop.test,DNS:*.shop.test");
  EXPECT_EQ(
      of(R"(listeners { listener "safe" { address "127.0.0.1:8443"; protocol "https"; tls { cert-file ")" +
         site.certificate_file + R"("; key-file ")" + site.key_file +
         R"("; sni { hostnames "shop.test" "*.shop.test" "a.shop.test" "shop.example" "*.shop.example"; cert-file ")" +
         shop.certificate_file + R"("; key-file ")" + shop.key_file + R"(" } } } }
upstreams { upstream "app" { target "127.0.0.1:9000" } }
routes { route "all" { upstream "app" } })"),
      0);
  const std::string said =
      file_ + ": warning: listener \"safe\": the certificate of shop.test in " + shop.certificate_file + " is not for ";
  EXPECT_EQ(err_.str(), said + "\"shop.example\": clients that ask for it will refuse it\n" + said +
                            "\"*.shop.example\": clients that ask for it will refuse it\n");
}

TEST_F(Check, WarnsOfWhatIsSeldomMeantSo) {
  EXPECT_EQ(of(std::string{base} + R"(agents { agent "a" { unix-socket "/s" } }
filters { filter "f" { type "agent"; agent "a" } })"),
            0);
  EXPECT_EQ(err_.str(), file_ + ": warning: filter \"f\" is in no route: nobody is asked by it\n");
}

}  // namespace
}  // namespace picket::apps::gateway::process
