#pragma once

#include <cstddef>
#include <cstdint>

#include "apps/gateway/config/model.hpp"
#include "picket/base/result.hpp"

namespace picket::apps::gateway::process {

/// Raises the process's soft limit of open descriptors to its hard one: the usual 1,024 is for programs that use
/// select(). Returns what holds afterwards.
std::uint64_t raise_descriptor_limit() noexcept;

/// Who may have how many of the process's descriptors.
struct DescriptorShares {
  std::uint64_t reserved = 0;   ///< For listeners, agents, logs, metrics and the workers themselves.
  std::uint32_t clients = 0;    ///< Client connections, no more than the configuration wants.
  std::uint64_t upstreams = 0;  ///< Connections to upstreams, idle ones included: at least one for every client.
};

/// Errors: io, with what is needed, where not one client is left for each worker.
[[nodiscard]] base::Result<DescriptorShares> share_descriptors(std::uint64_t descriptors, const config::Config& config,
                                                               std::size_t workers);

}  // namespace picket::apps::gateway::process
