#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apps/gateway/config/model.hpp"
#include "picket/transport/tls/server_context.hpp"
#include "picket/transport/tls/tickets.hpp"

namespace picket::apps::gateway::generation {

using TlsContext = std::shared_ptr<const transport::tls::ServerContext>;

/// What a listener speaks TLS with; null where it does not. `tickets`: the process's keys; null: each has its own.
/// Errors: connection_failed naming the listener, the file and the reason.
[[nodiscard]] base::Result<TlsContext> tls_of(const config::Listener& listener,
                                              std::shared_ptr<const transport::tls::TicketKeys> tickets);

/// What is odd about a listener's files, each with its name.
[[nodiscard]] std::vector<std::string> warnings_of(const config::Listener& listener, const TlsContext& context);

}  // namespace picket::apps::gateway::generation
