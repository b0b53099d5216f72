#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "picket/base/result.hpp"

struct asn1_string_st;
struct X509_name_st;
struct evp_pkey_st;
struct x509_st;

/// Certificates and keys out of PEM files. Thread safety: any thread; files are read while the caller waits. Errors:
/// connection_failed naming the file, what is wrong with it and what to do.
namespace picket::transport::tls {

struct FreesPem {
  void operator()(evp_pkey_st* key) const noexcept;
  void operator()(x509_st* certificate) const noexcept;
};
using PrivateKey = std::unique_ptr<evp_pkey_st, FreesPem>;
using Certificate = std::unique_ptr<x509_st, FreesPem>;

/// At least one, in the file's order.
[[nodiscard]] base::Result<std::vector<Certificate>> read_certificates(const std::string& file);
/// Refused where everybody may read the file, or write it: who has the key can be the peer. A group may read it, as
/// Debian's ssl-cert does.
[[nodiscard]] base::Result<PrivateKey> read_key(const std::string& file);

/// All of a file that is no larger than any of these need be. `what` it is, in errors. At most 8 MiB.
[[nodiscard]] base::Result<std::string> read_bytes(const std::string& file, std::string_view what);

/// A date as certificates have it, for people: "2026-11-28 06:50:00 UTC".
[[nodiscard]] std::string date_of(const asn1_string_st& time);

/// RFC 2253; what is not printable ASCII is escaped.
[[nodiscard]] std::string text_of(const X509_name_st& name);

/// Whom a certificate is of, for logs: its first subjectAltName, else its subject.
[[nodiscard]] std::string name_of(const x509_st& certificate);

}  // namespace picket::transport::tls
