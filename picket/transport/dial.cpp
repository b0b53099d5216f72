#include "picket/transport/dial.hpp"

#include "picket/session/handshake.hpp"
#include "picket/transport/frame_link.hpp"
#include "picket/transport/grpc_link.hpp"

namespace picket::transport {

std::shared_ptr<ProxyLink> dial(Worker& worker, const Destination& destination,
                                std::shared_ptr<const session::ProxyConfig> config, base::Duration timeout,
                                ProxyLink::Owner& owner, session::Tap* tap, session::Dialect dialect) {
  Channel channel{worker, destination.layer()};
  const Endpoint& endpoint = destination.endpoint();
  if (endpoint.carrier() == Carrier::grpc)
    return GrpcLink::dial(std::move(channel), destination,
                          std::make_unique<session::ProxyHandshake>(std::move(config), session::grpc_handshake),
                          timeout, owner);
  if (dialect != session::Dialect::v2)
    return FrameLink<session::ProxySession, DialectFraming>::dial(
        std::move(channel), endpoint, DialectBeginning::of(dialect, std::move(config)), timeout, owner, tap);
  return FrameLink<session::ProxySession>::dial(
      std::move(channel), endpoint, std::make_unique<session::ProxyHandshake>(std::move(config)), timeout, owner, tap);
}

}  // namespace picket::transport
