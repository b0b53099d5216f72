#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace picket::transport::tls {

class TicketKeys;

/// HTTP/2 as an application protocol (RFC 9113 §3.1).
inline constexpr std::string_view http2 = "h2";
inline constexpr std::string_view http1 = "http/1.1";

/// Of TLS; older ones are spoken by nobody here (RFC 8996).
enum class Version : std::uint8_t { v1_2, v1_3 };

/// What both ends may speak. A value.
struct Protocols {
  Version min_version = Version::v1_2;
  Version max_version = Version::v1_3;
  /// OpenSSL's names, with colons between; those of TLS 1.3 begin with TLS_. Empty: forward secrecy and AEAD only.
  std::string ciphers;
  /// Application protocols (RFC 7301), the best first. Empty: nothing is said of them. A client ends a connection on
  /// which none of them was agreed upon, unless http1 is among them, which is spoken where nothing is said; a server
  /// one whose client names others only.
  std::vector<std::string> alpn;

  friend bool operator==(const Protocols&, const Protocols&) = default;
};

/// What an end that dials has and asks for. A value; the files are PEM and read by Context::client().
///
///   const tls::ClientOptions options{.ca_file = "/etc/picket/agents-ca.pem",
///                                    .certificate_file = "/etc/picket/proxy.pem",
///                                    .key_file = "/etc/picket/proxy.key"};
///
/// The default trusts whom the system trusts, shows no certificate, and takes no server whose certificate is another
/// host's.
struct ClientOptions {
  std::string ca_file;           ///< Who may have signed the server's certificate. Empty: whom the system trusts.
  std::string certificate_file;  ///< What the server is shown, its own certificate first. Empty: nothing.
  std::string key_file;
  /// Asked for (SNI) and looked for in the server's certificate: a name or an IP address. Empty: the host that is
  /// dialled.
  std::string server_name;
  bool verifies = true;  ///< Else whoever answers is believed to be the server.
  std::string
      edition;  ///< Of the files, by edition_of(): what makes options with other files in the same places others.
  Protocols protocols;

  friend bool operator==(const ClientOptions&, const ClientOptions&) = default;
};

/// Changes with the files of `options`: a reload that finds another one has to make another context. Looks at the
/// files, and reads none: where and how large they are, and since when.
[[nodiscard]] std::string edition_of(const ClientOptions& options);

/// Whether a server asks its clients who they are.
enum class ClientCertificate : std::uint8_t {
  none,      ///< Not asked for.
  optional,  ///< Asked for; one that is shown must be good.
  required,
};

/// What a server shows to clients that ask for one of some names (SNI).
struct NamedCertificate {
  std::vector<std::string> hostnames;  ///< "a.example", or "*.b.example" for one more label in front. At least one.
  std::string certificate_file;        ///< As ServerOptions has it, and so the rest.
  std::string key_file;
  std::string ocsp_file;
};

/// What an end that listens has and asks for. A value; the files are PEM and read by ServerContext::make().
struct ServerOptions {
  std::string certificate_file = {};  ///< Its own certificate first, then those between it and the CA.
  std::string key_file = {};
  std::string client_ca_file = {};  ///< Who may have signed a client's certificate.
  ClientCertificate client_certificate = ClientCertificate::none;
  Protocols protocols = {};
  std::string ocsp_file = {};                ///< The CA's word that the certificate is good, DER. Empty: none is shown.
  std::vector<NamedCertificate> named = {};  ///< Other certificates, by the name that a client asks for.
  bool resumes = true;                       ///< Clients get tickets, with which they come back without a certificate.
  /// Whose keys seal the tickets, so that others of the process can open them. Null: the context has its own.
  std::shared_ptr<const TicketKeys> tickets = {};
};
[[nodiscard]] std::string edition_of(const ServerOptions& options);

}  // namespace picket::transport::tls
