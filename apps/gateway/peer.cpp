#include "apps/gateway/peer.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace picket::apps::gateway {

Peer Peer::of(int descriptor) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto& address = reinterpret_cast<sockaddr&>(storage);
  if (::getpeername(descriptor, &address, &size) != 0) return {};
  const bool is_v6 = storage.ss_family == AF_INET6;
  const auto port = is_v6 ? reinterpret_cast<const sockaddr_in6&>(storage).sin6_port
                          : reinterpret_cast<const sockaddr_in&>(storage).sin_port;
  const auto ip = config::IpAddress::of(address);
  return {.ip = ip, .address = ip.text(), .port = ntohs(port)};
}

}  // namespace picket::apps::gateway
