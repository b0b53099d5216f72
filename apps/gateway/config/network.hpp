#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "apps/gateway/config/address.hpp"

struct sockaddr;

namespace picket::apps::gateway::config {

/// An IP address as a number: IPv4 as IPv6 maps it (RFC 4291 §2.5.5.2), so that a client is the same one on a listener
/// of either kind. A value.
class IpAddress {
 public:
  /// `text` without brackets. Nothing where it is no address.
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text) noexcept;
  /// Of a TCP socket's address; the address zero for any other.
  [[nodiscard]] static IpAddress of(const sockaddr& address) noexcept;

  /// IPv4 with dots, whichever way it was written; else IPv6 as RFC 5952 has it.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool is_v4() const noexcept;
  /// Whether the first `bits` are the same, of 128.
  [[nodiscard]] bool shares(const IpAddress& other, unsigned bits) const noexcept;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

/// An address, or all that share its first bits. A value.
struct Network {
  IpAddress address;
  unsigned bits = 128;  ///< of the mapped address: those of IPv4 and 96 more

  /// "10.0.0.0/8", "fd00::/8", "192.0.2.1".
  [[nodiscard]] static std::expected<Network, Complaint> parse(std::string_view text);
  [[nodiscard]] bool has(const IpAddress& other) const noexcept { return address.shares(other, bits); }
};

}  // namespace picket::apps::gateway::config
