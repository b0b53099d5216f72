#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct x509_st;

namespace picket::transport::tls {

class ServerContext;

/// A client's certificate that was found good, in the words that proxies tell of it. A value. What is in it was checked
/// against the CA: until then nobody has vouched for a name. Ask for the fingerprint where one certificate is meant,
/// for subject and issuer together where a person is.
struct PeerCertificate {
  std::string subject;      ///< RFC 2253, what is not printable ASCII escaped: "CN=alice,O=Example".
  std::string issuer;       ///< The same.
  std::string serial;       ///< Hexadecimal, upper case: "0A1B".
  std::string fingerprint;  ///< SHA-256 of the whole certificate, hexadecimal, lower case.

  /// Complexity: a SHA-256 over the certificate. Errors: std::bad_alloc.
  [[nodiscard]] static PeerCertificate of(const x509_st& certificate);
};

/// What a server and its client have agreed upon in the handshake. A value; it keeps the context. Lifetime: may be kept
/// beyond its connection. Thread safety: a value; what it points to is immutable.
struct Secured {
  std::string_view version;  ///< "TLSv1.3"; static.
  std::string_view cipher;   ///< "TLS_AES_256_GCM_SHA384", as OpenSSL calls it; static.
  std::string alpn;          ///< The application protocol; empty: none was agreed upon.
  /// A ticket took the place of certificates: `peer` is then the one of the session that the ticket is of.
  bool is_resumed = false;
  bool asks_for_certificate = false;    ///< The client was asked for one.
  std::optional<PeerCertificate> peer;  ///< Its certificate; nothing where it has shown none.
  std::shared_ptr<const ServerContext> context;
  std::size_t certificate = 0;  ///< Which of the context's the client was shown.

  /// Whether a client that asks for `host` is shown the same certificate: a request for a host of another one came the
  /// wrong way (421, RFC 9110 §7.4). `host` without its port. Complexity: O(log n) in the context's names.
  [[nodiscard]] bool is_for(std::string_view host) const noexcept;
};

}  // namespace picket::transport::tls
