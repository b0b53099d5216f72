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

/// Where to listen or connect: a socket address and the text it came from. Nothing is resolved: hosts are IP addresses.
/// Thread safety and lifetime: a value; address() and path() are its own memory.
class Endpoint {
 public:
  /// Where an agent is, as everything that takes an agent's address spells it: "unix:PATH", "grpc+unix:PATH",
  /// "tls:IP:PORT" or "grpcs:IP:PORT", or where clear text is allowed "tcp:IP:PORT" or "grpc:IP:PORT" ("tcp:[::1]:80"
  /// for IPv6). Errors: connection_failed naming what is wrong and what to write instead; a path longer than the kernel
  /// takes (107 bytes) is refused, never cut.
  [[nodiscard]] static base::Result<Endpoint> parse(std::string_view text, ClearText clear_text);
  [[nodiscard]] static base::Result<Endpoint> unix_path(std::string_view path);
  /// `host` is an IP address.
  [[nodiscard]] static base::Result<Endpoint> tcp(std::string_view host, std::uint16_t port);

  /// The far end of a connection, for logs: "IP:PORT", or "a local process" of a Unix socket.
  [[nodiscard]] static std::string text_of(const sockaddr_storage& peer);

  /// The same at another port; of TCP.
  [[nodiscard]] Endpoint with_port(std::uint16_t port) const;

  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// As parse() reads it.
  [[nodiscard]] std::string spelled() const;
  [[nodiscard]] Carrier carrier() const noexcept { return carrier_; }
  [[nodiscard]] bool is_unix() const noexcept { return storage_.ss_family == AF_UNIX; }
  /// Whether TLS is spoken there.
  [[nodiscard]] bool is_tls() const noexcept { return is_tls_; }
  /// The IP address; empty for a Unix socket.
  [[nodiscard]] std::string_view host() const noexcept;
  /// The path of a Unix socket.
  [[nodiscard]] std::string_view path() const noexcept;

  [[nodiscard]] const sockaddr* address() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
  [[nodiscard]] socklen_t size() const noexcept { return size_; }
  [[nodiscard]] int family() const noexcept { return storage_.ss_family; }

 private:
  std::string text_;
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
  Carrier carrier_ = Carrier::frames;
  bool is_tls_ = false;
};

}  // namespace picket::transport
