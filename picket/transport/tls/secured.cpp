#include "picket/transport/tls/secured.hpp"

#include <array>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "picket/transport/tls/pem.hpp"
#include "picket/transport/tls/server_context.hpp"

namespace picket::transport::tls {
namespace {

struct FreesNumber {
  void operator()(BIGNUM* number) const noexcept { BN_free(number); }
};
struct FreesText {
  void operator()(char* text) const noexcept { OPENSSL_free(text); }
};

std::string hexadecimal(const ASN1_INTEGER& number) {
  const std::unique_ptr<BIGNUM, FreesNumber> value{ASN1_INTEGER_to_BN(&number, nullptr)};
  const std::unique_ptr<char, FreesText> text{value ? BN_bn2hex(value.get()) : nullptr};
  return text ? std::string{text.get()} : std::string{};
}

std::string fingerprint_of(const X509& certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  X509_digest(&certificate, EVP_sha256(), digest.data(), &size);
  return fmt::format("{:02x}", fmt::join(digest.data(), digest.data() + size, ""));
}

}  // namespace

PeerCertificate PeerCertificate::of(const x509_st& certificate) {
  return {.subject = text_of(*X509_get_subject_name(&certificate)),
          .issuer = text_of(*X509_get_issuer_name(&certificate)),
          .serial = hexadecimal(*X509_get0_serialNumber(&certificate)),
          .fingerprint = fingerprint_of(certificate)};
}

bool Secured::is_for(std::string_view host) const noexcept { return context->certificate_for(host) == certificate; }

}  // namespace picket::transport::tls
