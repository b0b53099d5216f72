#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <sys/socket.h>

#include "apps/gateway/config/network.hpp"
#include "picket/transport/tls/secured.hpp"

namespace picket::apps::gateway::downstream {

/// Who is at the other end of a client's connection.
struct Peer {
  config::IpAddress ip;
  std::string address;  ///< The same as text, bare; an IPv4 address as such on every listener.
  std::uint16_t port = 0;
  std::unique_ptr<const transport::tls::Secured> tls = {};  ///< What was agreed upon with it; null: it speaks in clear.

  /// Of a TCP socket's address.
  [[nodiscard]] static Peer of(const sockaddr_storage& storage);
};

}  // namespace picket::apps::gateway::downstream
