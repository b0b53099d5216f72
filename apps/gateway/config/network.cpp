#include "apps/gateway/config/network.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <span>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

namespace picket::apps::gateway::config {
namespace {

constexpr std::size_t v4_begin = 12;  // of the mapped form
constexpr std::array<std::uint8_t, v4_begin> v4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) noexcept {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size()) return std::nullopt;
  std::ranges::copy(text, terminated.begin());
  IpAddress result;
  if (::inet_pton(AF_INET6, terminated.data(), result.bytes_.data()) == 1) return result;
  if (::inet_pton(AF_INET, terminated.data(), result.bytes_.data() + v4_begin) != 1) return std::nullopt;
  std::ranges::copy(v4_prefix, result.bytes_.begin());
  return result;
}

IpAddress IpAddress::of(const sockaddr& address) noexcept {
  IpAddress result;
  if (address.sa_family == AF_INET6) {
    std::memcpy(result.bytes_.data(), &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, 16);
  } else if (address.sa_family == AF_INET) {
    std::ranges::copy(v4_prefix, result.bytes_.begin());
    std::memcpy(result.bytes_.data() + v4_begin, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, 4);
  }
  return result;
}

bool IpAddress::is_v4() const noexcept { return std::ranges::equal(std::span{bytes_}.first<v4_begin>(), v4_prefix); }

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = is_v4() ? AF_INET : AF_INET6;
  ::inet_ntop(family, bytes_.data() + (is_v4() ? v4_begin : 0), text.data(), text.size());
  return text.data();
}

bool IpAddress::shares(const IpAddress& other, unsigned bits) const noexcept {
  const std::size_t whole = bits / 8;
  if (!std::equal(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(whole), other.bytes_.begin()))
    return false;
  const unsigned rest = bits % 8;
  return rest == 0 || (bytes_[whole] ^ other.bytes_[whole]) >> (8 - rest) == 0;
}

std::expected<Network, Complaint> Network::parse(std::string_view text) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address)
    return std::unexpected(Complaint{fmt::format("\"{}\" is neither an IP address nor a network", text),
                                     "write it as in \"192.0.2.1\", \"10.0.0.0/8\" or \"fd00::/8\""});
  Network network{.address = *address};
  if (slash == text.size()) return network;
  const unsigned most = text.substr(0, slash).contains(':') ? 128 : 32;
  const std::string_view digits = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc{} || end != digits.data() + digits.size() || bits > most)
    return std::unexpected(Complaint{fmt::format("\"/{}\" is no prefix length", digits),
                                     fmt::format("write a number of bits from 0 to {}", most)});
  network.bits = bits + 128 - most;
  return network;
}

}  // namespace picket::apps::gateway::config
