#include "picket/transport/tls/reason.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

namespace picket::transport::tls {
namespace {

struct Words {
  int reason;
  std::string_view text;
};

/// A reason of OpenSSL's for an alert that has come is its number in RFC 8446 §6 and this.
constexpr int of_alert = SSL_AD_REASON_OFFSET;

constexpr std::array reasons{
    Words{of_alert + SSL_AD_HANDSHAKE_FAILURE,
          "the peer refuses: no cipher in common, or it wants a client certificate (tls client-cert, client-key)"},
    Words{of_alert + SSL_AD_BAD_CERTIFICATE, "the peer does not accept our certificate"},
    Words{of_alert + SSL_AD_UNSUPPORTED_CERTIFICATE, "the peer cannot use our kind of certificate"},
    Words{of_alert + SSL_AD_CERTIFICATE_REVOKED, "the peer says that our certificate is revoked"},
    Words{of_alert + SSL_AD_CERTIFICATE_EXPIRED, "the peer says that our certificate has expired"},
    Words{of_alert + SSL_AD_CERTIFICATE_UNKNOWN, "the peer does not accept our certificate"},
    Words{of_alert + SSL_AD_UNKNOWN_CA, "the peer does not trust our certificate: it knows no CA that signed it"},
    Words{of_alert + SSL_AD_ACCESS_DENIED, "the peer trusts our certificate and refuses us"},
    Words{of_alert + SSL_AD_DECRYPT_ERROR, "the peer could not check a signature of ours"},
    Words{of_alert + SSL_AD_PROTOCOL_VERSION, "the peer accepts no version of TLS that we speak"},
    Words{of_alert + SSL_AD_INSUFFICIENT_SECURITY, "the peer wants stronger ciphers than we offer"},
    Words{of_alert + SSL_AD_INTERNAL_ERROR, "the peer gave up: an error of its own"},
    Words{of_alert + SSL_AD_UNRECOGNIZED_NAME, "the peer does not serve the name that we asked for (sni)"},
    Words{of_alert + SSL_AD_NO_APPLICATION_PROTOCOL, "the peer speaks no application protocol that we offer (ALPN)"},
    Words{of_alert + 116, "the peer wants a client certificate and got none"},  // certificate_required
    Words{SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "the peer showed no certificate, and one is required"},
    Words{SSL_R_UNSUPPORTED_PROTOCOL, "the peer speaks no version of TLS that we accept"},
    Words{SSL_R_VERSION_TOO_LOW, "the peer speaks no version of TLS that we accept"},
    Words{SSL_R_NO_SHARED_CIPHER, "no cipher in common with the peer"},
    Words{SSL_R_NO_RENEGOTIATION, "the peer wants to renegotiate, which is refused"},
    Words{SSL_R_NO_APPLICATION_PROTOCOL, "no application protocol (ALPN) in common with the peer"},
};

}  // namespace

Refusal last_refusal() {
  const unsigned long error = ERR_peek_last_error();
  const int reason = ERR_GET_REASON(error);
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) return Refusal::malformed;
  if (reason > of_alert && reason < of_alert + 256) return Refusal::alert;
  switch (reason) {
    case SSL_R_HTTP_REQUEST: return Refusal::plain_http;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW: return Refusal::version;
    case SSL_R_NO_SHARED_CIPHER: return Refusal::cipher;
    case SSL_R_NO_APPLICATION_PROTOCOL: return Refusal::alpn;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    case SSL_R_CERTIFICATE_VERIFY_FAILED: return Refusal::certificate;
    default: return Refusal::malformed;
  }
}

std::string last_reason() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  if (error == 0) return "no reason given";
  const int reason = ERR_GET_REASON(error);
  if (ERR_GET_LIB(error) == ERR_LIB_SSL) {
    const auto* const words = std::ranges::find(reasons, reason, &Words::reason);
    if (words != reasons.end()) return std::string{words->text};
    if (reason > of_alert && reason < of_alert + 256) {
      const std::string_view name = SSL_alert_desc_string_long(reason - of_alert);
      return fmt::format("the peer gave up: TLS alert '{}'", name);
    }
  }
  const char* const text = ERR_reason_error_string(error);
  return text != nullptr ? text : fmt::format("OpenSSL's error {:#x}", error);
}

namespace {

std::string_view verdict(long verify_result) {
  switch (verify_result) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
      return "it has no such subjectAltName; tls sni, or --tls-name, says which name to look for";
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "it has no such IP address as subjectAltName; tls sni, or --tls-name, says which name to look for";
    case X509_V_ERR_CERT_HAS_EXPIRED: return "it has expired, or a CA's has";
    case X509_V_ERR_CERT_NOT_YET_VALID: return "it is not valid yet: are both clocks right?";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return "no CA that is trusted here (ca-cert, or --tls-ca) has signed it";
    case X509_V_ERR_INVALID_PURPOSE: return "it is not for this end of a TLS connection (extendedKeyUsage)";
    default: return X509_verify_cert_error_string(verify_result);
  }
}

}  // namespace

std::string why_not_trusted(long verify_result, std::string_view peer) {
  return fmt::format("the peer's certificate ('{}') is not accepted: {}", peer, verdict(verify_result));
}

}  // namespace picket::transport::tls
