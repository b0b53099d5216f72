#include "picket/transport/endpoint.hpp"

#include <charconv>
#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace picket::transport {
namespace {

base::Error refused(std::string detail) { return base::fail(base::ErrorKind::connection_failed, std::move(detail)); }

/// "IP:PORT", an IPv6 address in brackets.
base::Result<Endpoint> ip_and_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return refused(fmt::format("'{}' has no port: expected IP:PORT", text));
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size())
    return refused(fmt::format("'{}' is no port (0-65535) in the address '{}'", digits, text));
  return Endpoint::tcp(host, port);
}

bool looks_like_ip_and_port(std::string_view text) { return ip_and_port(text).has_value(); }

/// `text` without what says that gRPC is spoken; `whole` as it was written.
base::Result<Endpoint> parse_socket(std::string_view text, std::string_view whole, ClearText clear_text) {
  if (text.starts_with("unix:")) return Endpoint::unix_path(text.substr(5));
  if (text.starts_with("+unix:")) return Endpoint::unix_path(text.substr(6));
  if (text.starts_with("tls:")) return ip_and_port(text.substr(4));
  if (text.starts_with("grpcs:"))
    return refused(
        fmt::format("'{}': this build does not support grpcs: yet; use unix:PATH, grpc+unix:PATH or tls:IP:PORT, or "
                    "tcp:IP:PORT or grpc:IP:PORT and the word insecure",
                    whole));
  const std::size_t address = text.starts_with("tcp:") ? 4 : text.starts_with(':') ? 1 : 0;
  if (address == 0)
    return refused(looks_like_ip_and_port(text)
                       ? fmt::format("'{0}' does not say what is spoken there: write tls:{0}, or for clear text "
                                     "tcp:{0} and the word insecure",
                                     text)
                       : fmt::format("'{}' is no agent's address: expected unix:PATH or tls:IP:PORT", text));
  auto endpoint = ip_and_port(text.substr(address));
  if (endpoint && clear_text == ClearText::refused)
    return refused(
        fmt::format("'{}' is clear text: whoever is on the way can read it and answer in the agent's place. Use "
                    "tls:IP:PORT or unix:PATH, or say so with the word insecure (--insecure on a command line, "
                    "insecure = true in a program)",
                    whole));
  return endpoint;
}

}  // namespace

base::Result<Endpoint> Endpoint::parse(std::string_view text, ClearText clear_text) {
  const bool is_grpc = text.starts_with("grpc:") || text.starts_with("grpc+unix:");
  auto endpoint = parse_socket(is_grpc ? text.substr(text.find_first_of(":+")) : text, text, clear_text);
  if (endpoint && is_grpc) endpoint->carrier_ = Carrier::grpc;
  if (endpoint) endpoint->is_tls_ = text.starts_with("tls:");
  return endpoint;
}

std::string Endpoint::spelled() const {
  const bool is_grpc = carrier_ == Carrier::grpc;
  if (is_unix()) return is_grpc ? "grpc+" + text_ : text_;
  if (is_tls_) return "tls:" + text_;
  return (is_grpc ? "grpc:" : "tcp:") + text_;
}

base::Result<Endpoint> Endpoint::unix_path(std::string_view path) {
  Endpoint endpoint;
  auto& address = reinterpret_cast<sockaddr_un&>(endpoint.storage_);
  if (path.empty()) return refused("the path of a Unix socket is empty");
  if (path.find('\0') != std::string_view::npos) return refused("the path of a Unix socket holds a NUL byte");
  if (path.size() >= sizeof address.sun_path)
    return refused(fmt::format("the path of a Unix socket has {} bytes, the kernel takes {}: '{}'", path.size(),
                               sizeof address.sun_path - 1, path));
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  endpoint.size_ = sizeof address;
  endpoint.text_ = fmt::format("unix:{}", path);
  return endpoint;
}

base::Result<Endpoint> Endpoint::tcp(std::string_view host, std::uint16_t port) {
  Endpoint endpoint;
  const std::string text{host};
  auto& v4 = reinterpret_cast<sockaddr_in&>(endpoint.storage_);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(endpoint.storage_);
  if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    endpoint.size_ = sizeof v4;
    endpoint.text_ = fmt::format("{}:{}", text, port);
  } else if (::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    endpoint.size_ = sizeof v6;
    endpoint.text_ = fmt::format("[{}]:{}", text, port);
  } else {
    return refused(fmt::format("'{}' is no IP address, and this build looks up no names: write the address", host));
  }
  return endpoint;
}

Endpoint Endpoint::with_port(std::uint16_t port) const {
  Endpoint other = *this;
  other.text_ = fmt::format("{}:{}", std::string_view{text_}.substr(0, text_.rfind(':')), port);
  if (family() == AF_INET) reinterpret_cast<sockaddr_in&>(other.storage_).sin_port = htons(port);
  if (family() == AF_INET6) reinterpret_cast<sockaddr_in6&>(other.storage_).sin6_port = htons(port);
  return other;
}

std::string_view Endpoint::host() const noexcept {
  if (is_unix()) return {};
  const std::string_view host = std::string_view{text_}.substr(0, text_.rfind(':'));
  return host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
}

std::string_view Endpoint::path() const noexcept {
  return is_unix() ? std::string_view{reinterpret_cast<const sockaddr_un&>(storage_).sun_path} : std::string_view{};
}

}  // namespace picket::transport
