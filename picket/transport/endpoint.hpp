#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "picket/base/result.hpp"

namespace picket::transport {

/// Whether an agent may be spoken to in clear over a network: whoever is on the way reads everything and can answer in
/// its place.
enum class ClearText : std::uint8_t { refused, allowed };

/// What is spoken at an endpoint.
enum class Carrier : std::uint8_t {
  frames,  ///< Frames on a byte stream (protocol.md §2).
  grpc,    ///< gRPC (protocol.md §9).
};

/// Which hosts an address may have. What is listened on is a number, so that it is plain what is open.
enum class Hosts : std::uint8_t { numbers, names_too };
/// What may be spoken at an address. Agents do not register over gRPC: where they dial, frames are all there is.
enum class Carriers : std::uint8_t { all, frames };

/// Where to listen or connect: a socket address and the text it came from; or of a name what its addresses have in
/// common (dns/watch.hpp looks them up). Thread safety and lifetime: a value; address() and path() are its own memory.
///
///   const auto endpoint = transport::Endpoint::parse("tls:192.0.2.7:7000", transport::ClearText::refused);
///   if (!endpoint) return endpoint.error();  // says what to write instead
class Endpoint {
 public:
  /// Where an agent is, as everything that takes an agent's address spells it: "unix:PATH", "grpc+unix:PATH",
  /// "tls:IP:PORT" or "grpcs:IP:PORT", or where clear text is allowed "tcp:IP:PORT" or "grpc:IP:PORT" ("tcp:[::1]:80"
  /// for IPv6). Where names are taken, a host's may stand for IP, and that of a service, "_agent._tcp.example", for
  /// IP:PORT. Errors: connection_failed naming what is wrong and what to write instead; a path longer than the kernel
  /// takes (107 bytes) is refused, never cut.
  [[nodiscard]] static base::Result<Endpoint> parse(std::string_view text, ClearText clear_text,
                                                    Hosts hosts = Hosts::numbers, Carriers carriers = Carriers::all);
  /// Frames; errors as parse().
  [[nodiscard]] static base::Result<Endpoint> unix_path(std::string_view path);
  /// `host` is an IP address; a link-local one may name its interface: "fe80::1%eth0". In clear, frames; for listeners
  /// and upstreams, which have their own word for TLS.
  [[nodiscard]] static base::Result<Endpoint> tcp(std::string_view host, std::uint16_t port);

  /// The far end of a connection, for logs: "IP:PORT", or "a local process" of a Unix socket.
  [[nodiscard]] static std::string text_of(const sockaddr_storage& peer);

  /// What is spoken at this one, of a name, at one of its addresses.
  [[nodiscard]] Endpoint at(Endpoint address) const;
  /// The same at another port; of TCP.
  [[nodiscard]] Endpoint with_port(std::uint16_t port) const;

  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// As parse() reads it.
  [[nodiscard]] std::string spelled() const;
  [[nodiscard]] Carrier carrier() const noexcept { return carrier_; }
  [[nodiscard]] bool is_unix() const noexcept { return storage_.ss_family == AF_UNIX; }
  /// It has no address of its own: its host is a name, or what it names is a service.
  [[nodiscard]] bool is_name() const noexcept { return size_ == 0 && !text_.empty(); }
  /// Whether TLS is spoken there.
  [[nodiscard]] bool is_tls() const noexcept { return is_tls_; }
  /// Whether both are one place, whatever is spoken there: paths are compared as they lie in folders ("a" is "./a";
  /// links are not followed), addresses as numbers, names without case.
  [[nodiscard]] bool is_where(const Endpoint& other) const;
  /// The IP address or the name; empty for a Unix socket.
  [[nodiscard]] std::string_view host() const noexcept;
  /// Of TCP; 0 of a service, whose records have it.
  [[nodiscard]] std::uint16_t port() const noexcept;
  /// The path of a Unix socket.
  [[nodiscard]] std::string_view path() const noexcept;

  /// For the system's calls, with size() and family(). Not of a name, which has none.
  [[nodiscard]] const sockaddr* address() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
  [[nodiscard]] socklen_t size() const noexcept { return size_; }
  [[nodiscard]] int family() const noexcept { return storage_.ss_family; }

 private:
  [[nodiscard]] static base::Result<Endpoint> name_or_ip(std::string_view text);

  std::string text_;
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
  Carrier carrier_ = Carrier::frames;
  bool is_tls_ = false;
};

}  // namespace picket::transport
