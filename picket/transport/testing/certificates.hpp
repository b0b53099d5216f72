#pragma once

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "picket/transport/testing.hpp"
#include "picket/transport/tls/context.hpp"

namespace picket::transport::testing {

constexpr long day = 24L * 60 * 60;

/// A certificate and its key, as OpenSSL has them and as files.
struct Issued {
  std::shared_ptr<X509> certificate;
  std::shared_ptr<EVP_PKEY> key;
  std::string certificate_file;
  std::string key_file;
};

[[nodiscard]] inline std::string contents(const std::string& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// A CA of one test, in a folder that goes with it.
class Authority {
 public:
  explicit Authority(const std::string& name = "test CA") { ca_ = make(name, "", 90 * day, nullptr); }

  [[nodiscard]] const std::string& ca_file() const noexcept { return ca_.certificate_file; }
  [[nodiscard]] const Issued& ca() const noexcept { return ca_; }
  [[nodiscard]] std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  /// A CA between this one and others.
  [[nodiscard]] Authority issue_authority(const std::string& name) const { return Authority{name, &ca_}; }
  /// A file beside the certificates.
  [[nodiscard]] std::string write_file(const std::string& name, std::string_view text) const {
    std::ofstream{path(name)} << text;
    return path(name);
  }
  /// `names` as OpenSSL's configuration has a subjectAltName: "DNS:agent.test,IP:127.0.0.1". Valid from an hour ago
  /// for so many seconds from now.
  [[nodiscard]] Issued issue(const std::string& common_name, const std::string& names, long valid = 90 * day) const {
    return make(common_name, names, valid, &ca_);
  }

 private:
  Authority(const std::string& name, const Issued* signer) { ca_ = make(name, "", 90 * day, signer, true); }

  [[nodiscard]] Issued make(const std::string& name, const std::string& names, long valid, const Issued* signer,
                            bool is_authority = false) const {
    Issued made;
    made.key = {EVP_EC_gen("P-256"), EVP_PKEY_free};
    made.certificate = {X509_new(), X509_free};
    X509* const x = made.certificate.get();
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(x), valid < 0 ? 2 * valid : -60L * 60);
    X509_gmtime_adj(X509_getm_notAfter(x), valid);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(signer != nullptr ? signer->certificate.get() : x));
    X509_set_pubkey(x, made.key.get());
    extend(x, NID_basic_constraints, signer != nullptr && !is_authority ? "critical,CA:FALSE" : "critical,CA:TRUE");
    if (!names.empty()) extend(x, NID_subject_alt_name, names);
    EXPECT_GT(X509_sign(x, signer != nullptr ? signer->key.get() : made.key.get(), EVP_sha256()), 0);
    write(made, fmt::format("{}", serial_));
    return made;
  }
  static void extend(X509* certificate, int kind, const std::string& value) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
    ASSERT_NE(extension, nullptr) << value;
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  void write(Issued& made, const std::string& name) const {
    made.certificate_file = path(name + ".pem");
    made.key_file = path(name + ".key");
    std::FILE* const certificate = std::fopen(made.certificate_file.c_str(), "w");
    PEM_write_X509(certificate, made.certificate.get());
    std::fclose(certificate);
    std::FILE* const key = std::fopen(made.key_file.c_str(), "w");
    PEM_write_PrivateKey(key, made.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(key);
    std::filesystem::permissions(made.key_file, std::filesystem::perms::owner_read);
  }

  TemporaryFolder folder_;
  mutable long serial_ = 0;
  Issued ca_;
};

/// Both ends' contexts, of certificates that are good for each other: mutual TLS to "agent.test" or 127.0.0.1.
struct TlsPair {
  Authority authority;
  Issued of_server = authority.issue("agent", "DNS:agent.test,IP:127.0.0.1,IP:::1");
  Issued of_client = authority.issue("proxy", "DNS:proxy.test");

  [[nodiscard]] tls::ServerOptions server_options() const {
    return {.certificate_file = of_server.certificate_file,
            .key_file = of_server.key_file,
            .client_ca_file = authority.ca_file(),
            .client_certificate = tls::ClientCertificate::required};
  }
  [[nodiscard]] tls::ClientOptions client_options() const {
    return {.ca_file = authority.ca_file(),
            .certificate_file = of_client.certificate_file,
            .key_file = of_client.key_file,
            .server_name = "agent.test"};
  }
};

/// Contexts for tests that want any TLS; made once.
struct AnyTls {
  TlsPair pair;
  std::shared_ptr<const tls::Context> server = tls::Context::server(pair.server_options()).value();
  std::shared_ptr<const tls::Context> client = tls::Context::client(pair.client_options()).value();

  [[nodiscard]] static const AnyTls& instance() {
    static const AnyTls made;
    return made;
  }
};

/// Lets both ends say what they have to before there are any bytes.
inline void shake_hands(Layer& accepted, int socket, Layer& dialled, int peer_socket) {
  for (int i = 0; i < 3; ++i) {
    (void)dialled.peek(peer_socket);
    (void)accepted.peek(socket);
  }
}

}  // namespace picket::transport::testing
