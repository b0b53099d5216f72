#include "picket/transport/tls/context.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picket/transport/testing/certificates.hpp"

namespace picket::transport::tls {
namespace {

using testing::Authority;
using ::testing::HasSubstr;
using testing::Issued;

/// Good options, which each test spoils.
class TlsFiles : public ::testing::Test {
 protected:
  [[nodiscard]] std::string server_error() const {
    const auto made = Context::server(server_);
    return made ? "" : made.error().detail();
  }
  [[nodiscard]] std::string client_error() const {
    const auto made = Context::client(client_);
    return made ? "" : made.error().detail();
  }
  [[nodiscard]] std::string file(const std::string& name, const std::string& text) const {
    std::ofstream{pair_.authority.path(name)} << text;
    return pair_.authority.path(name);
  }

  testing::TlsPair pair_;
  ServerOptions server_ = pair_.server_options();
  ClientOptions client_ = pair_.client_options();
};

TEST_F(TlsFiles, ThatFitAreTaken) {
  EXPECT_EQ(server_error(), "");
  EXPECT_EQ(client_error(), "");
  server_.client_certificate = ClientCertificate::none;
  server_.client_ca_file.clear();
  EXPECT_EQ(server_error(), "");
  client_ = {};
  EXPECT_EQ(client_error(), "") << "the CAs of the system";
}

TEST_F(TlsFiles, ThatAreNotThereAreNamed) {
  server_.certificate_file = "/nowhere/c.pem";
  EXPECT_EQ(server_error(), "cannot read the certificate file /nowhere/c.pem: No such file or directory");
  client_.ca_file = "/";
  EXPECT_EQ(client_error(), "the certificate file / is no file");
  client_.ca_file = pair_.authority.ca_file();
  client_.key_file = "/nowhere/k.pem";
  EXPECT_EQ(client_error(), "cannot read the key file /nowhere/k.pem: No such file or directory");
}

TEST_F(TlsFiles, OfSomethingElseAreRefused) {
  server_.certificate_file = file("empty", "");
  EXPECT_THAT(server_error(), HasSubstr("holds no certificate in PEM (-----BEGIN CERTIFICATE-----)"));
  server_.certificate_file = pair_.of_server.key_file;
  EXPECT_THAT(server_error(), HasSubstr("holds no certificate in PEM"));
  server_.certificate_file = file("cut", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
  EXPECT_THAT(server_error(), HasSubstr("cut: certificate 1 cannot be read: "));
  server_ = pair_.server_options();
  server_.key_file = file("nokey", "hello");
  std::filesystem::permissions(server_.key_file, std::filesystem::perms::owner_read);
  EXPECT_THAT(server_error(), HasSubstr("nokey holds no private key in PEM: "));
}

TEST_F(TlsFiles, KeyThatEverybodyMayReadIsRefusedAndOneForAGroupIsNot) {
  using std::filesystem::perms;
  std::filesystem::permissions(server_.key_file, perms::owner_read | perms::group_read);
  EXPECT_EQ(server_error(), "");
  std::filesystem::permissions(server_.key_file, perms::owner_read | perms::others_read);
  EXPECT_THAT(server_error(), HasSubstr("is open to everybody (mode 0404); chmod o-rwx it"));
}

TEST_F(TlsFiles, KeyWithAPassphraseIsRefused) {
  const std::string name = pair_.authority.path("locked");
  std::FILE* const out = std::fopen(name.c_str(), "w");
  PEM_write_PKCS8PrivateKey(out, pair_.of_server.key.get(), EVP_aes_256_cbc(), "secret", 6, nullptr, nullptr);
  std::fclose(out);
  std::filesystem::permissions(name, std::filesystem::perms::owner_read);
  server_.key_file = name;
  EXPECT_THAT(server_error(), HasSubstr("has a passphrase, which nobody is there to enter; write it without one"));
}

TEST_F(TlsFiles, CertificateAndKeyThatDoNotBelongTogetherAreRefused) {
  server_.key_file = pair_.of_client.key_file;
  EXPECT_THAT(server_error(), HasSubstr("is not the one of the certificate in"));
  client_.key_file.clear();
  EXPECT_THAT(client_error(), HasSubstr("only one of both is given"));
}

TEST_F(TlsFiles, ClientsThatAreAskedNeedSomebodyToTrust) {
  server_.client_ca_file.clear();
  EXPECT_THAT(server_error(), HasSubstr("no CA file says who may have signed them"));
}

TEST_F(TlsFiles, CiphersAndVersionsThatAreNoneAreRefused) {
  server_.protocols.ciphers = "ECDHE+AESGCM:TLS_AES_128_GCM_SHA256";
  EXPECT_EQ(server_error(), "");
  server_.protocols.ciphers = "nonsense";
  EXPECT_THAT(server_error(), HasSubstr("'nonsense' names no cipher of TLS 1.2"));
  server_.protocols.ciphers = "TLS_NONSENSE";
  EXPECT_THAT(server_error(), HasSubstr("'TLS_NONSENSE' names a cipher that TLS 1.3 does not have"));
  client_.protocols = {.min_version = Version::v1_3, .max_version = Version::v1_2};
  EXPECT_THAT(client_error(), HasSubstr("the least version of TLS is above the greatest"));
}

}  // namespace
}  // namespace picket::transport::tls
