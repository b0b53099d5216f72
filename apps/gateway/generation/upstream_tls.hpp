#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/gateway/config/model.hpp"
#include "picket/transport/tls/context.hpp"

namespace picket::apps::gateway::generation {

/// What all workers speak TLS to an upstream with, and what it was made of.
struct UpstreamContext {
  std::optional<config::UpstreamTls> options;              ///< With the edition of their files.
  std::shared_ptr<const transport::tls::Context> context;  ///< Null: in clear.
};

/// Reads the upstream's files, unless one of `previous` was made of the same. Errors: connection_failed naming the
/// upstream, the file and the reason.
[[nodiscard]] base::Result<UpstreamContext> tls_of(const config::Upstream& upstream,
                                                   std::span<const UpstreamContext> previous);

/// What is odd about an upstream's settings and files.
[[nodiscard]] std::vector<std::string> warnings_of(const config::Upstream& upstream, const UpstreamContext& tls);

}  // namespace picket::apps::gateway::generation
