#pragma once

#include <string>
#include <string_view>

/// What OpenSSL and TLS peers give as reasons, in words.
namespace picket::transport::tls {

/// The last one of this thread's error queue, which is empty then; OpenSSL's own words where there are no better ones.
[[nodiscard]] std::string last_reason();
/// What X509_verify_cert found wrong with the certificate of `peer`.
[[nodiscard]] std::string why_not_trusted(long verify_result, std::string_view peer);

}  // namespace picket::transport::tls
