#include "picket/transport/tls/native.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "picket/transport/tls/reason.hpp"

namespace picket::transport::tls {
namespace {

// Forward secrecy and authenticated encryption, TLS 1.2; those of TLS 1.3 are all like that.
constexpr const char* default_ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

int number_of(Version version) noexcept { return version == Version::v1_2 ? TLS1_2_VERSION : TLS1_3_VERSION; }

/// OpenSSL takes those of TLS 1.3 apart from the others.
base::Status set_ciphers(SSL_CTX& context, std::string_view names) {
  std::array<std::string, 2> lists;  // before TLS 1.3, TLS 1.3
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find(':'));
    names.remove_prefix(std::min(names.size(), name.size() + 1));
    std::string& list = lists[name.starts_with("TLS_") ? 1 : 0];
    list.append(list.empty() ? "" : ":").append(name);
  }
  if (!lists[0].empty() && SSL_CTX_set_cipher_list(&context, lists[0].c_str()) != 1)
    return refused(fmt::format("'{}' names no cipher of TLS 1.2; `openssl ciphers -tls1_2` lists them", lists[0]));
  if (!lists[1].empty() && SSL_CTX_set_ciphersuites(&context, lists[1].c_str()) != 1)
    return refused(fmt::format(
        "'{}' names a cipher that TLS 1.3 does not have; `openssl ciphers -s -tls1_3` lists them", lists[1]));
  return {};
}

/// Has the certificate of the key come first, and each of the others behind the one that it has signed. Returns how
/// many of the front are its chain; those behind belong to something else.
std::size_t put_in_order(std::vector<Certificate>& certificates, std::size_t leaf) {
  std::rotate(certificates.begin(), certificates.begin() + static_cast<std::ptrdiff_t>(leaf),
              certificates.begin() + static_cast<std::ptrdiff_t>(leaf) + 1);
  std::size_t ordered = 1;
  while (ordered < certificates.size()) {
    X509* const last = certificates[ordered - 1].get();
    const auto rest = certificates.begin() + static_cast<std::ptrdiff_t>(ordered);
    const auto signer = std::find_if(rest, certificates.end(), [&](const Certificate& other) {
      return X509_check_issued(other.get(), last) == X509_V_OK;
    });
    if (signer == certificates.end()) break;
    std::rotate(rest, signer, signer + 1);
    ++ordered;
  }
  return ordered;
}

void note_dates(const X509& certificate, const std::string& file, std::vector<std::string>& warnings) {
  const ASN1_TIME* const first = X509_get0_notBefore(&certificate);
  const ASN1_TIME* const last = X509_get0_notAfter(&certificate);
  if (X509_cmp_current_time(last) < 0)
    warnings.push_back(fmt::format("the certificate of {} in {} has expired on {}: peers will refuse it",
                                   name_of(certificate), file, date_of(*last)));
  if (X509_cmp_current_time(first) > 0)
    warnings.push_back(fmt::format("the certificate of {} in {} is not valid before {}: peers will refuse it",
                                   name_of(certificate), file, date_of(*first)));
}

}  // namespace

void FreesNative::operator()(ssl_ctx_st* context) const noexcept { SSL_CTX_free(context); }

base::Error refused(std::string detail) { return base::fail(base::ErrorKind::connection_failed, std::move(detail)); }

base::Result<Native> make_native(const ssl_method_st* method, const Protocols& protocols) {
  if (protocols.min_version > protocols.max_version) return refused("the least version of TLS is above the greatest");
  Native context{SSL_CTX_new(method)};
  if (!context) throw std::bad_alloc{};
  SSL_CTX_set_min_proto_version(context.get(), number_of(protocols.min_version));
  SSL_CTX_set_max_proto_version(context.get(), number_of(protocols.max_version));
  // Renegotiation lets a peer make this end work for nothing, and change what it is in mid-stream.
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context.get(), 1);  // else two system calls a record
  PICKET_TRY(set_ciphers(*context, default_ciphers));
  PICKET_TRY(set_ciphers(*context, protocols.ciphers));
  return context;
}

base::Status use_certificate(ssl_ctx_st& context, const std::string& certificate_file, const std::string& key_file,
                             std::vector<std::string>& warnings) {
  auto read = read_certificates(certificate_file);
  if (!read) return read.error();
  std::vector<Certificate>& certificates = *read;
  const auto key = read_key(key_file);
  if (!key) return key.error();
  const auto leaf = std::ranges::find_if(certificates, [&](const Certificate& certificate) {
    return X509_check_private_key(certificate.get(), key->get()) == 1;
  });
  ERR_clear_error();
  if (leaf == certificates.end())
    return refused(fmt::format("the key in {} is not the one of the certificate in {}", key_file, certificate_file));
  std::vector<const X509*> written;
  for (const Certificate& certificate : certificates) written.push_back(certificate.get());
  const std::size_t size = put_in_order(certificates, static_cast<std::size_t>(leaf - certificates.begin()));
  if (!std::ranges::equal(certificates, written, {}, [](const Certificate& one) -> const X509* { return one.get(); }))
    warnings.push_back(
        fmt::format("the certificates in {} are out of order, and are sent in the right one: the "
                    "server's own comes first, and each is signed by the next",
                    certificate_file));
  for (std::size_t i = size; i < certificates.size(); ++i)
    warnings.push_back(fmt::format("the certificate of {} in {} has signed none of those before it, and is not sent",
                                   name_of(*certificates[i]), certificate_file));
  for (std::size_t i = 0; i < size; ++i) note_dates(*certificates[i], certificate_file, warnings);
  if (SSL_CTX_use_certificate(&context, certificates.front().get()) != 1)
    return refused(fmt::format("the certificate in {} cannot be used: {}", certificate_file, last_reason()));
  for (std::size_t i = 1; i < size; ++i) SSL_CTX_add1_chain_cert(&context, certificates[i].get());
  if (SSL_CTX_use_PrivateKey(&context, key->get()) != 1)
    return refused(fmt::format("the key in {} cannot be used: {}", key_file, last_reason()));
  return {};
}

base::Result<std::vector<Certificate>> trust(ssl_ctx_st& context, const std::string& ca_file) {
  auto certificates = read_certificates(ca_file);
  if (!certificates) return certificates;
  X509_STORE* const store = SSL_CTX_get_cert_store(&context);
  for (const Certificate& certificate : *certificates) X509_STORE_add_cert(store, certificate.get());
  // What the file names is trusted, whoever has signed it.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  return certificates;
}

base::Result<std::vector<unsigned char>> alpn_list(const std::vector<std::string>& names) {
  std::vector<unsigned char> list;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > 255) return refused("the name of an application protocol has 1 to 255 bytes");
    list.push_back(static_cast<unsigned char>(name.size()));
    list.insert(list.end(), name.begin(), name.end());
  }
  return list;
}

}  // namespace picket::transport::tls
