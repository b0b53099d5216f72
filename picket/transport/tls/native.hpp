#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "picket/base/result.hpp"
#include "picket/transport/tls/options.hpp"
#include "picket/transport/tls/pem.hpp"

struct ssl_ctx_st;
struct ssl_method_st;

/// OpenSSL's contexts, as both roles make theirs. Thread safety: one thread at a time, until a context is shared.
/// Errors: connection_failed, saying what to do.
namespace picket::transport::tls {

struct FreesNative {
  void operator()(ssl_ctx_st* context) const noexcept;
};
/// Never null where a function has made it.
using Native = std::unique_ptr<ssl_ctx_st, FreesNative>;

[[nodiscard]] base::Error refused(std::string detail);

/// Of versions and ciphers, without a certificate. Ciphers: with forward secrecy and authenticated encryption unless
/// `protocols` names others. Renegotiation and compression are off, whatever is configured. Errors: std::bad_alloc,
/// too.
[[nodiscard]] base::Result<Native> make_native(const ssl_method_st* method, const Protocols& protocols);

/// A certificate with those between it and its CA. What is odd about the files, and not wrong, is added to `warnings`.
/// They may stand in any order: they are sent in the right one. A key that belongs to another certificate is an error;
/// a date that is over is a warning, since a clock may be wrong.
[[nodiscard]] base::Status use_certificate(ssl_ctx_st& context, const std::string& certificate_file,
                                           const std::string& key_file, std::vector<std::string>& warnings);

/// Trusts whom the file names, and returns them.
[[nodiscard]] base::Result<std::vector<Certificate>> trust(ssl_ctx_st& context, const std::string& ca_file);

/// Names of application protocols as RFC 7301 has them on the wire.
[[nodiscard]] base::Result<std::vector<unsigned char>> alpn_list(const std::vector<std::string>& names);

}  // namespace picket::transport::tls
