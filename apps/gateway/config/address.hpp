#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace picket::apps::gateway::config {

struct Address {
  std::string host;  ///< IPv6 without its brackets.
  std::uint16_t port = 0;
};

/// What is wrong with a value, and what to do.
struct Complaint {
  std::string message;
  std::string hint;
};

/// Which hosts an address may have: those that are listened on are numbers, so that it is plain what is open.
enum class Hosts : std::uint8_t { numbers, names_too };

/// "127.0.0.1:8080", "[::1]:8080", and "app.example:8080" where names may stand.
[[nodiscard]] std::expected<Address, Complaint> parse_address(std::string_view text, Hosts hosts);

/// An IP address, without port and brackets.
[[nodiscard]] bool is_ip_address(std::string_view text);
/// As it stands before a port: IPv6 in brackets.
[[nodiscard]] std::string in_brackets(std::string_view host);

/// A host name or a number as it stands in a Host header, without port.
[[nodiscard]] bool is_host(std::string_view text);

}  // namespace picket::apps::gateway::config
