#include "apps/gateway/config/address.hpp"

#include <charconv>
#include <optional>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "picket/base/host_name.hpp"

namespace picket::apps::gateway::config {
namespace {

bool is_ip(int family, const std::string& host) {
  in6_addr ignored{};
  return ::inet_pton(family, host.c_str(), &ignored) == 1;
}

/// Of IPv6 one that is link-local may name its interface: "fe80::1%eth0".
bool is_v6_with_interface(const std::string& host) {
  const std::size_t percent = host.find('%');
  return percent != std::string::npos && percent + 1 < host.size() && is_ip(AF_INET6, host.substr(0, percent));
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

std::unexpected<Complaint> complain(std::string message, std::string hint) {
  return std::unexpected(Complaint{std::move(message), std::move(hint)});
}

}  // namespace

std::expected<Address, Complaint> parse_address(std::string_view text, Hosts hosts) {
  if (const std::size_t scheme = text.find("://"); scheme != std::string_view::npos)
    return complain(fmt::format("\"{}\" is a URL, not an address", text),
                    fmt::format("write it without {}://", text.substr(0, scheme)));
  const std::size_t colon = text.rfind(':');
  const bool bracketed = text.starts_with('[');
  if (colon == std::string_view::npos || (bracketed && text.ends_with(']')))
    return complain(fmt::format("\"{}\" has no port", text), fmt::format("write it behind a colon: \"{}:8080\"", text));
  Address address;
  address.host = text.substr(0, colon);
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return complain(fmt::format("\"{}\" is not a port", text.substr(colon + 1)), "ports are from 1 to 65535");
  address.port = *port;
  if (address.host.empty())
    return complain("there is no address before the port",
                    fmt::format("write \"127.0.0.1{0}\", or \"0.0.0.0{0}\" for all interfaces", text));
  if (address.host.contains(':') && !bracketed)
    return complain(fmt::format("the IPv6 address in \"{}\" has no brackets", text), "write it as in \"[::1]:8080\"");
  const bool is_v6 = bracketed && address.host.ends_with(']');
  if (is_v6) address.host = address.host.substr(1, address.host.size() - 2);
  if (is_ip(is_v6 ? AF_INET6 : AF_INET, address.host)) return address;
  if (is_v6 && is_v6_with_interface(address.host)) return address;
  if (hosts == Hosts::names_too && !is_v6 && base::is_host_name(address.host)) return address;
  return complain(
      fmt::format("\"{}\" is not an IP address{}", address.host, hosts == Hosts::names_too ? " or a host name" : ""),
      hosts == Hosts::names_too ? "write it as in \"127.0.0.1:8080\" or \"app.example:8080\""
                                : "write it as in \"127.0.0.1:8080\" or \"[::1]:8080\"");
}

bool is_ip_address(std::string_view text) {
  const std::string host(text);
  return is_ip(AF_INET, host) || is_ip(AF_INET6, host);
}

std::string in_brackets(std::string_view host) {
  return host.contains(':') && !host.starts_with('[') ? fmt::format("[{}]", host) : std::string{host};
}

bool is_host(std::string_view text) {
  const std::string host(text);
  if (host.starts_with('[') && host.ends_with(']')) return is_ip(AF_INET6, host.substr(1, host.size() - 2));
  return is_ip(AF_INET, host) || base::is_host_name(host);
}

}  // namespace picket::apps::gateway::config
