#include "picket/transport/dial.hpp"

#include "picket/session/handshake.hpp"
#include "picket/transport/frame_link.hpp"
#include "picket/transport/grpc_link.hpp"

namespace picket::transport {

std::shared_ptr<ProxyLink> dial(Worker& worker, std::unique_ptr<Layer> layer, const Endpoint& endpoint,
                                std::shared_ptr<const session::ProxyConfig> config, base::Duration timeout,
                                ProxyLink::Owner& owner, session::Tap* tap) {
  if (endpoint.carrier() == Carrier::grpc) {
    // A Unix socket has no name that could stand there; this is what gRPC's own libraries write.
    std::string authority = endpoint.is_unix() ? "localhost" : endpoint.text();
    auto opening = std::make_unique<session::ProxyHandshake>(std::move(config), session::grpc_handshake);
    return GrpcLink::dial(Channel{worker, std::move(layer)}, endpoint, std::move(authority), std::move(opening),
                          timeout, owner);
  }
  return FrameLink<session::ProxySession>::dial(Channel{worker, std::move(layer)}, endpoint,
                                                std::make_unique<session::ProxyHandshake>(std::move(config)), timeout,
                                                owner, tap);
}

}  // namespace picket::transport
