#pragma once

#include <cstdint>
#include <string>

#include "apps/gateway/config/network.hpp"

namespace picket::apps::gateway {

/// Who is at the other end of a client's connection.
struct Peer {
  config::IpAddress ip;
  std::string address;  ///< The same as text, bare; an IPv4 address as such on every listener.
  std::uint16_t port = 0;

  /// Of a connected TCP socket; without an address where the peer has reset the connection.
  [[nodiscard]] static Peer of(int descriptor);
};

}  // namespace picket::apps::gateway
