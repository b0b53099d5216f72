#include "picket/transport/tls/staple.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ocsp.h>

#include "picket/transport/testing/certificates.hpp"

namespace picket::transport::tls {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Staples : public ::testing::Test {
 protected:
  /// What the CA says of a certificate, good for so many seconds from now.
  [[nodiscard]] std::string said_of(const testing::Issued& issued, long valid, int status = V_OCSP_CERTSTATUS_GOOD) {
    const testing::Issued& ca = authority_.ca();
    const std::shared_ptr<OCSP_BASICRESP> basic{OCSP_BASICRESP_new(), OCSP_BASICRESP_free};
    OCSP_CERTID* const id = OCSP_cert_to_id(EVP_sha1(), issued.certificate.get(), ca.certificate.get());
    const auto time_in = [](long seconds) {
      return std::shared_ptr<ASN1_TIME>{X509_gmtime_adj(nullptr, seconds), ASN1_TIME_free};
    };
    const auto before = time_in(-2 * testing::day);
    const auto after = time_in(valid);
    OCSP_basic_add1_status(basic.get(), id, status, OCSP_REVOKED_STATUS_NOSTATUS, before.get(), before.get(),
                           after.get());
    OCSP_CERTID_free(id);
    OCSP_basic_sign(basic.get(), ca.certificate.get(), ca.key.get(), EVP_sha256(), nullptr, 0);
    const std::shared_ptr<OCSP_RESPONSE> response{OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic.get()),
                                                  OCSP_RESPONSE_free};
    unsigned char* der = nullptr;
    const int size = i2d_OCSP_RESPONSE(response.get(), &der);
    const std::string file =
        authority_.write_file("ocsp", {reinterpret_cast<char*>(der), static_cast<std::size_t>(size)});
    OPENSSL_free(der);
    return file;
  }

  testing::Authority authority_;
  testing::Issued site_ = authority_.issue("site", "DNS:site.test");
  std::vector<std::string> warnings_;
};

TEST_F(Staples, AreReadWithTheirEnd) {
  const auto staple = Staple::read(said_of(site_, testing::day), *site_.certificate, warnings_).value();
  EXPECT_THAT(warnings_, IsEmpty());
  ASSERT_TRUE(staple.expires);
  EXPECT_NEAR(static_cast<double>(*staple.expires - std::time(nullptr)), testing::day, 60);
}

TEST_F(Staples, ThatAreOverAreWarnedOf) {
  const auto staple = Staple::read(said_of(site_, -testing::day), *site_.certificate, warnings_).value();
  EXPECT_LT(*staple.expires, std::time(nullptr));
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("and is not shown any more: fetch a new one")));
}

TEST_F(Staples, ThatSayRevokedAreWarnedOf) {
  const auto file = said_of(site_, testing::day, V_OCSP_CERTSTATUS_REVOKED);
  EXPECT_TRUE(Staple::read(file, *site_.certificate, warnings_));
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("says that the certificate of site.test is revoked")));
}

TEST_F(Staples, OfAnotherCertificateAreRefused) {
  const auto other = authority_.issue("other", "DNS:other.test");
  const auto staple = Staple::read(said_of(site_, testing::day), *other.certificate, warnings_);
  ASSERT_FALSE(staple);
  EXPECT_THAT(staple.error().detail(), HasSubstr("is about another certificate than that of other.test"));
}

}  // namespace
}  // namespace picket::transport::tls
