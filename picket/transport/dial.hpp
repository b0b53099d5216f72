#pragma once

#include <memory>

#include "picket/session/config.hpp"
#include "picket/session/tap.hpp"
#include "picket/transport/endpoint.hpp"
#include "picket/transport/layer.hpp"
#include "picket/transport/link.hpp"

namespace picket::transport {

/// Dials an agent as its endpoint says, frames or gRPC, and begins with the handshake of that. `layer` stands between
/// the bytes and the socket; null: in clear. `owner`, and `tap` where there is one, outlive the link or its close(); a
/// tap hears frames alone, nothing of gRPC.
[[nodiscard]] std::shared_ptr<ProxyLink> dial(Worker& worker, std::unique_ptr<Layer> layer, const Endpoint& endpoint,
                                              std::shared_ptr<const session::ProxyConfig> config,
                                              base::Duration timeout, ProxyLink::Owner& owner,
                                              session::Tap* tap = nullptr);

}  // namespace picket::transport
