#include "apps/gateway/downstream/peer.hpp"

#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "picket/transport/endpoint.hpp"

namespace picket::apps::gateway::downstream {
namespace {

Peer peer_at(const std::string& host, std::uint16_t port) {
  const auto endpoint = transport::Endpoint::tcp(host, port).value();
  sockaddr_storage storage{};
  std::memcpy(&storage, endpoint.address(), endpoint.size());
  return Peer::of(storage);
}

TEST(Peer, IsAnAddressAndAPort) {
  const Peer four = peer_at("192.0.2.1", 4711);
  EXPECT_EQ(four.address, "192.0.2.1");
  EXPECT_EQ(four.port, 4711);
  const Peer six = peer_at("2001:db8::1", 1);
  EXPECT_EQ(six.address, "2001:db8::1") << "bare";
  EXPECT_EQ(six.port, 1);
}

TEST(Peer, OfIpv4IsTheSameOnAListenerOfIpv6) {
  const Peer mapped = peer_at("::ffff:192.0.2.1", 4711);
  EXPECT_EQ(mapped.address, "192.0.2.1");
  EXPECT_EQ(mapped.ip, peer_at("192.0.2.1", 4711).ip);
}

}  // namespace
}  // namespace picket::apps::gateway::downstream
