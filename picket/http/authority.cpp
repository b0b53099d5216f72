#include "picket/http/authority.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include "picket/base/ascii.hpp"
#include "picket/base/headers.hpp"

namespace picket::http {
namespace {

constexpr bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }
constexpr bool is_name_character(char c) noexcept {
  return base::is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '.' || c == '_' || c == '~';
}

/// Where the port's colon is; the end where there is none.
std::size_t colon_of(std::string_view authority) noexcept {
  const std::size_t colon = authority.rfind(':');
  const bool is_in_brackets = colon != std::string_view::npos && authority.find(']', colon) != std::string_view::npos;
  return colon == std::string_view::npos || is_in_brackets ? authority.size() : colon;
}

std::uint16_t port_of(std::string_view authority, std::uint16_t default_port) noexcept {
  const std::string_view text = port_text(authority);
  std::uint16_t port = default_port;
  std::from_chars(text.data(), text.data() + text.size(), port);
  return port;
}

/// As RFC 5952 has it; an IPv4 address that is written as IPv6 is one (RFC 4291 §2.5.5.2). Empty where it is no
/// address.
std::string canonical_ipv6(std::string_view in_brackets) {
  const std::string text{in_brackets.substr(1, in_brackets.size() - 2)};
  in6_addr address{};
  if (::inet_pton(AF_INET6, text.c_str(), &address) != 1) return {};
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (IN6_IS_ADDR_V4MAPPED(&address)) return ::inet_ntop(AF_INET, &address.s6_addr[12], out.data(), out.size());
  return fmt::format("[{}]", ::inet_ntop(AF_INET6, &address, out.data(), out.size()));
}

}  // namespace

bool is_authority(std::string_view text) noexcept {
  if (text.empty()) return true;
  const std::string_view port = port_text(text);
  unsigned number = 0;
  if (!std::ranges::all_of(port, base::is_digit) || port.size() > 5) return false;
  std::from_chars(port.data(), port.data() + port.size(), number);
  const std::string_view host = text.substr(0, colon_of(text));
  if (number > 0xFFFF || host.empty()) return false;
  if (host.starts_with('[')) return host.size() > 2 && host.ends_with(']') && !canonical_ipv6(host).empty();
  return std::ranges::all_of(host, is_name_character) && !host.starts_with('.') && !host.contains("..");
}

std::string_view host_name(std::string_view authority) noexcept {
  std::string_view host = authority.substr(0, colon_of(authority));
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

std::string_view port_text(std::string_view authority) noexcept {
  return authority.substr(std::min(colon_of(authority) + 1, authority.size()));
}

std::string_view canonical_authority(std::string_view authority, base::Arena& arena) {
  if (authority.starts_with('['))
    return arena.copy(canonical_ipv6(host_name(authority)) + std::string{authority.substr(colon_of(authority))});
  const std::string_view host = host_name(authority);
  const std::string_view port = authority.substr(colon_of(authority));
  if (host.size() + port.size() == authority.size() && std::ranges::none_of(host, is_upper)) return authority;
  const auto out = arena.allocate_array<char>(host.size() + port.size());
  const auto behind = std::ranges::transform(host, out.begin(), base::lower).out;
  std::ranges::copy(port, behind);
  return {out.data(), out.size()};
}

bool same_authority(std::string_view a, std::string_view b, std::uint16_t default_port) noexcept {
  return base::same_name(host_name(a), host_name(b)) && port_of(a, default_port) == port_of(b, default_port);
}

}  // namespace picket::http
