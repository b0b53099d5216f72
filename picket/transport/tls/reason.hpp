#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// What OpenSSL and TLS peers give as reasons, in words. Thread safety: any thread; OpenSSL's queue of errors is each
/// thread's own.
namespace picket::transport::tls {

/// Why a handshake came to nothing, in kinds: for counters.
///
/// For an operator: `not_tls` and `plain_http` are a wrong port or a wrong word in a configuration, `version` and
/// `cipher` an old peer, `certificate` and `alert` one of the two ends that does not trust the other, `closed` a peer
/// that looks whether somebody listens. The words for a log are base::Error's (Layer::failure()).
enum class Refusal : std::uint8_t {
  none,
  closed,       ///< The peer went, or was reset.
  not_tls,      ///< It speaks something else.
  plain_http,   ///< It speaks HTTP/1.1 in clear.
  version,      ///< No version in common.
  cipher,       ///< No cipher in common.
  alpn,         ///< No application protocol in common.
  certificate,  ///< Its certificate is missing, or is not accepted.
  alert,        ///< It refuses us: an alert says so.
  malformed,    ///< What it sends is no handshake as TLS has it.
};
/// By the enumerator's number: values of a metric's label.
inline constexpr auto refusal_names = std::to_array<std::string_view>(
    {"none", "closed", "not_tls", "plain_http", "version", "cipher", "alpn", "certificate", "alert", "malformed"});
static_assert(refusal_names.size() == static_cast<std::size_t>(Refusal::malformed) + 1);
/// Of OpenSSL's last error, which stays where it is.
[[nodiscard]] Refusal last_refusal();

/// The last one of this thread's error queue, which is empty then; OpenSSL's own words where there are no better ones.
/// One sentence without a full stop. Errors: none; where the queue is empty it says so.
[[nodiscard]] std::string last_reason();
/// What X509_verify_cert found wrong with the certificate of `peer`. `verify_result`: X509_V_ERR_…; `peer`: whose
/// certificate, as name_of() puts it. It says what to look at: a date, a CA file, a name.
[[nodiscard]] std::string why_not_trusted(long verify_result, std::string_view peer);

}  // namespace picket::transport::tls
