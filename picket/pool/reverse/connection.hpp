#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "picket/session/config.hpp"
#include "picket/session/tap.hpp"
#include "picket/transport/channel.hpp"
#include "picket/transport/link.hpp"

namespace picket::pool::reverse {

/// A connection of an agent that may register, on its way to the worker that serves it. Its registration is read but
/// not answered: that is for the pool's agent, whose configuration and events are in the answer.
///
/// Thread safety: none; a value that moves. Lifetime: dropped, it closes and gives its seat back. The worker of the
/// registry that it comes from outlives it.
struct Connection {
  std::string agent;                     ///< Of the pool, that it feeds.
  std::size_t worker = 0;                ///< Which of the registry's workers is to serve it.
  std::string name;                      ///< For both ends' logs.
  std::uint32_t connections_wanted = 1;  ///< In all, under its id.
  bool is_shared = false;                ///< It is to serve all workers (Relay).
  transport::Unbound socket;
  std::string received;        ///< What it has said: its registration.
  std::shared_ptr<void> seat;  ///< Held while it lives.
};

/// Answers it, and begins to serve it on `worker`. Its seat is the caller's to keep. On the worker's thread. Errors
/// come to the owner.
[[nodiscard]] std::shared_ptr<transport::ProxyLink> serve(transport::Worker& worker, Connection connection,
                                                          std::shared_ptr<const session::ProxyConfig> config,
                                                          transport::ProxyLink::Owner& owner, session::Tap* tap);
/// Tells the agent why it may not stay after all, and closes. It is told what its socket takes at once: the reason,
/// mostly.
void refuse(transport::Worker& worker, Connection connection, std::string_view reason);

}  // namespace picket::pool::reverse
