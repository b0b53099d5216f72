#pragma once

#include <string_view>

/// Pure functions of a text: any thread, nothing is kept, O(size).
namespace picket::base {

/// Whether it is a host's name: labels as RFC 1123 §2.1 has them, and _, which is common in container networks; a dot
/// at its end says that it is whole. Digits and dots alone would be an IP address, and are no name. 253 bytes at most,
/// 63 a label. Names that are not ASCII come as their A-labels (RFC 5890), "xn--…".
[[nodiscard]] bool is_host_name(std::string_view text) noexcept;

/// Whether it names a service at a domain, of which SRV records say where it is (RFC 2782): "_agent._tcp.example".
[[nodiscard]] bool is_service_name(std::string_view text) noexcept;

/// The domain of a service's name: what stands behind "_service._tcp.". Of a text that is_service_name() has accepted:
/// "example" of the one above. Lifetime: a view of it.
[[nodiscard]] std::string_view domain_of_service(std::string_view service) noexcept;

}  // namespace picket::base
