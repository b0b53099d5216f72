#include "picket/transport/endpoint.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>

#include "picket/base/ascii.hpp"
#include "picket/base/host_name.hpp"

namespace picket::transport {
namespace {

base::Error refused(std::string detail) { return base::fail(base::ErrorKind::connection_failed, std::move(detail)); }

/// What stands behind a scheme of a network.
std::string_view form(Hosts hosts) noexcept { return hosts == Hosts::names_too ? "HOST:PORT" : "IP:PORT"; }

/// From the root on, without "." and "..".
std::filesystem::path whole_path(std::string_view path) {
  std::error_code unknown;  // where one stands; then it is compared as it is
  return std::filesystem::absolute(path, unknown).lexically_normal();
}

/// "HOST:PORT", an IPv6 address in brackets.
struct HostAndPort {
  std::string_view host;
  std::uint16_t port = 0;
};

base::Result<HostAndPort> host_and_port(std::string_view text, Hosts hosts = Hosts::numbers) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return refused(fmt::format("'{}' has no port: expected {}", text, form(hosts)));
  HostAndPort read{.host = text.substr(0, colon)};
  if (read.host.starts_with('[') && read.host.ends_with(']')) read.host = read.host.substr(1, read.host.size() - 2);
  const std::string_view digits = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), read.port);
  if (error != std::errc{} || end != digits.data() + digits.size())
    return refused(fmt::format("'{}' is no port (0-65535) in the address '{}'", digits, text));
  return read;
}

base::Result<Endpoint> ip_and_port(std::string_view text) {
  const auto read = host_and_port(text);
  if (!read) return read.error();
  return Endpoint::tcp(read->host, read->port);
}

/// "fe80::1%eth0": the address, and the number of the interface; 0 where it names none.
struct Scoped {
  std::string address;
  std::uint32_t interface = 0;
};

base::Result<Scoped> without_interface(std::string_view host) {
  const std::size_t percent = host.find('%');
  Scoped read{.address = std::string{host.substr(0, percent)}};
  if (percent == std::string_view::npos) return read;
  const std::string name{host.substr(percent + 1)};
  read.interface = ::if_nametoindex(name.c_str());
  if (read.interface == 0) return refused(fmt::format("this machine has no interface '{}', as '{}' says", name, host));
  return read;
}

/// As RFC 5952 has it, and the kernel: one address has one text.
std::string shortest(const in6_addr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  return ::inet_ntop(AF_INET6, &address, text.data(), text.size());
}

enum class Way : std::uint8_t { unix_socket, tls, clear };
/// What stands before an address.
struct Scheme {
  std::string_view text;
  Carrier carrier;
  Way way;
};
constexpr std::array schemes{
    Scheme{"unix:", Carrier::frames, Way::unix_socket}, Scheme{"grpc+unix:", Carrier::grpc, Way::unix_socket},
    Scheme{"tls:", Carrier::frames, Way::tls},          Scheme{"grpcs:", Carrier::grpc, Way::tls},
    Scheme{"tcp:", Carrier::frames, Way::clear},        Scheme{"grpc:", Carrier::grpc, Way::clear}};

/// What may be written before that place: one scheme, or where gRPC is taken one of two.
std::string either(std::string_view frames, std::string_view grpc, std::string_view place, Carriers carriers) {
  if (carriers == Carriers::frames) return fmt::format("{}{}", frames, place);
  return fmt::format("{0}{2} or {1}{2}", frames, grpc, place);
}

base::Error no_scheme(std::string_view text, Hosts hosts, Carriers carriers) {
  for (const std::string_view web : {"http://", "https://"}) {
    if (!text.starts_with(web)) continue;
    const std::string_view place = text.substr(web.size());
    const bool is_clear = web == "http://";
    if (carriers == Carriers::frames)
      return refused(fmt::format("'{}' is the address of a page: write {}{}", text, is_clear ? "tcp:" : "tls:", place));
    return refused(
        fmt::format("'{}' is the address of a page: for gRPC write {}{}", text, is_clear ? "grpc:" : "grpcs:", place));
  }
  const auto read = host_and_port(text);
  const bool is_named = read && hosts == Hosts::names_too && base::is_host_name(read->host);
  if (is_named || ip_and_port(text))
    return refused(
        fmt::format("'{}' does not say what is spoken there: write {}, or for clear text {} and the word insecure",
                    text, either("tls:", "grpcs:", text, carriers), either("tcp:", "grpc:", text, carriers)));
  return refused(fmt::format("'{}' is no agent's address: expected {}{}, or for clear text {} and the word insecure",
                             text, carriers == Carriers::frames ? "unix:PATH or " : "unix:PATH, grpc+unix:PATH, ",
                             either("tls:", "grpcs:", form(hosts), carriers),
                             either("tcp:", "grpc:", form(hosts), carriers)));
}

}  // namespace

base::Result<Endpoint> Endpoint::parse(std::string_view text, ClearText clear_text, Hosts hosts, Carriers carriers) {
  const auto* const scheme =
      std::ranges::find_if(schemes, [&](const Scheme& one) { return text.starts_with(one.text); });
  if (scheme == schemes.end()) return no_scheme(text, hosts, carriers);
  if (scheme->carrier == Carrier::grpc && carriers == Carriers::frames)
    return refused(
        fmt::format("'{0}': agents do not register over gRPC; write unix:PATH, tls:{1} or tcp:{1}", text, form(hosts)));
  const std::string_view address = text.substr(scheme->text.size());
  if (scheme->way != Way::unix_socket && address.starts_with("//"))
    return refused(fmt::format("'{}' has slashes, which agents' addresses have not: write {}{}", text, scheme->text,
                               address.substr(2)));
  auto endpoint = scheme->way == Way::unix_socket ? unix_path(address)
                  : hosts == Hosts::names_too     ? name_or_ip(address)
                                                  : ip_and_port(address);
  if (!endpoint) return endpoint;
  if (scheme->way == Way::clear && clear_text == ClearText::refused)
    return refused(
        fmt::format("'{}' is clear text: whoever is on the way can read it and answer in the agent's place. Use "
                    "{}:{} or a Unix socket, or say so with the word insecure (--insecure on a command line, "
                    "insecure = true in a program)",
                    text, scheme->carrier == Carrier::grpc ? "grpcs" : "tls", form(hosts)));
  endpoint->carrier_ = scheme->carrier;
  endpoint->is_tls_ = scheme->way == Way::tls;
  return endpoint;
}

/// A host's or a service's name is kept as it is.
base::Result<Endpoint> Endpoint::name_or_ip(std::string_view text) {
  Endpoint named;
  named.text_ = text;
  if (base::is_service_name(text)) return named;
  const auto read = host_and_port(text, Hosts::names_too);
  if (!read) return read.error();
  if (!base::is_host_name(read->host)) {
    auto number = tcp(read->host, read->port);
    if (!number && !read->host.contains('%'))
      return refused(fmt::format("'{}' is neither a host's name nor an IP address", read->host));
    return number;
  }
  if (base::is_service_name(read->host))
    return refused(fmt::format("'{0}' is a service, whose records say the port: write '{0}' without ':{1}'", read->host,
                               read->port));
  if (read->port == 0) return refused(fmt::format("'{}' has no port that could be connected to", text));
  return named;
}

Endpoint Endpoint::at(Endpoint address) const {
  address.carrier_ = carrier_;
  address.is_tls_ = is_tls_;
  return address;
}

std::string Endpoint::spelled() const {
  const bool is_grpc = carrier_ == Carrier::grpc;
  if (is_unix()) return is_grpc ? "grpc+" + text_ : text_;
  if (is_grpc) return (is_tls_ ? "grpcs:" : "grpc:") + text_;
  return (is_tls_ ? "tls:" : "tcp:") + text_;
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
  const auto scoped = without_interface(host);
  if (!scoped) return scoped.error();
  auto& v4 = reinterpret_cast<sockaddr_in&>(endpoint.storage_);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(endpoint.storage_);
  if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    endpoint.size_ = sizeof v4;
    endpoint.text_ = fmt::format("{}:{}", text, port);
  } else if (::inet_pton(AF_INET6, scoped->address.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_scope_id = scoped->interface;
    v6.sin6_port = htons(port);
    endpoint.size_ = sizeof v6;
    endpoint.text_ = fmt::format("[{}{}]:{}", shortest(v6.sin6_addr), text.substr(scoped->address.size()), port);
  } else {
    return refused(fmt::format("'{}' is no IP address, and no names are looked up here: write the address", host));
  }
  return endpoint;
}

std::string Endpoint::text_of(const sockaddr_storage& peer) {
  char text[INET6_ADDRSTRLEN] = "";
  if (peer.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer);
    return fmt::format("{}:{}", ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text), ntohs(v4.sin_port));
  }
  if (peer.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(peer);
    return fmt::format("[{}]:{}", ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text), ntohs(v6.sin6_port));
  }
  return "a local process";
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

std::uint16_t Endpoint::port() const noexcept {
  const auto read = host_and_port(text_);
  return read ? read->port : std::uint16_t{0};
}

bool Endpoint::is_where(const Endpoint& other) const {
  if (is_name() || other.is_name())
    return is_name() && other.is_name() && std::ranges::equal(text_, other.text_, {}, base::lower, base::lower);
  if (is_unix() && other.is_unix()) return whole_path(path()) == whole_path(other.path());
  return size_ == other.size_ && std::memcmp(&storage_, &other.storage_, size_) == 0;
}

std::string_view Endpoint::path() const noexcept {
  return is_unix() ? std::string_view{reinterpret_cast<const sockaddr_un&>(storage_).sun_path} : std::string_view{};
}

}  // namespace picket::transport
