#pragma once

#include <memory>

#include "picket/session/config.hpp"
#include "picket/session/dialect.hpp"
#include "picket/session/tap.hpp"
#include "picket/transport/destination.hpp"
#include "picket/transport/link.hpp"

namespace picket::transport {

/// Dials an agent as its endpoint says, frames or gRPC, and begins as its dialect has it: gRPC has none but the
/// protocol's. `owner`, and `tap` where there is one, outlive the link or its close(); a tap hears frames alone,
/// nothing of gRPC, and of a dialect what it stands for.
///
/// Thread safety: the worker's thread. Errors: come to the owner, as those of any link: `timeout` is for the connect,
/// the opening has its own (ProxyConfig). Lifetime: shared with what is pending; Link::close() lets go. `destination`
/// is looked at during the call; its endpoint has an address: a name is looked up before (dns/watch.hpp).
[[nodiscard]] std::shared_ptr<ProxyLink> dial(Worker& worker, const Destination& destination,
                                              std::shared_ptr<const session::ProxyConfig> config,
                                              base::Duration timeout, ProxyLink::Owner& owner,
                                              session::Tap* tap = nullptr,
                                              session::Dialect dialect = session::Dialect::v2);

}  // namespace picket::transport
