#pragma once

#include <cstddef>
#include <cstdint>

#include "apps/gateway/config/model.hpp"
#include "picket/base/result.hpp"

namespace picket::apps::gateway {

/// Clients that a worker turns away and still listens to for a moment, so that they can read why.
inline constexpr std::size_t max_turned_away = 8;

/// Raises the process's soft limit of open descriptors to its hard one: the usual 1,024 is for programs that use
/// select(). Returns what holds afterwards.
std::uint64_t raise_descriptor_limit() noexcept;

/// The most client connections that so many descriptors allow, after a reserve for listeners, agents, logs and metrics,
/// and with a connection to an upstream for every client. Errors: io, with what is needed, where not one is left for
/// each worker.
[[nodiscard]] base::Result<std::uint32_t> connections_within(std::uint64_t descriptors, const config::Config& config,
                                                             std::size_t workers);

}  // namespace picket::apps::gateway
