#include "apps/gateway/downstream/peer.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

namespace picket::apps::gateway::downstream {

Peer Peer::of(const sockaddr_storage& storage) {
  const bool is_v6 = storage.ss_family == AF_INET6;
  const auto port = is_v6 ? reinterpret_cast<const sockaddr_in6&>(storage).sin6_port
                          : reinterpret_cast<const sockaddr_in&>(storage).sin_port;
  const auto ip = config::IpAddress::of(reinterpret_cast<const sockaddr&>(storage));
  return {.ip = ip, .address = ip.text(), .port = ntohs(port)};
}

}  // namespace picket::apps::gateway::downstream
