#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "picket/base/result.hpp"

struct x509_st;

namespace picket::transport::tls {

/// A CA's word on a certificate (OCSP, RFC 6960), which a server shows along with it. A value. Lifetime: refers to
/// nothing.
struct Staple {
  std::string response;                ///< DER.
  std::optional<std::time_t> expires;  ///< From then on it is not shown any more.

  /// Out of a file, for that certificate. What is odd about it is added to `warnings`. Errors: connection_failed where
  /// the file is no such response, or about another certificate.
  [[nodiscard]] static base::Result<Staple> read(const std::string& file, const x509_st& certificate,
                                                 std::vector<std::string>& warnings);
};

}  // namespace picket::transport::tls
