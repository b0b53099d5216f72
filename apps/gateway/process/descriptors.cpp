#include "apps/gateway/process/descriptors.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>
#include <sys/resource.h>

#include "apps/gateway/downstream/admission.hpp"
#include "picket/pool/reverse/listener.hpp"

namespace picket::apps::gateway::process {
namespace {

// Standard streams, two logs before and after their rotation, files of a reload, the metrics server with its clients.
constexpr std::uint64_t for_the_process = 40;
// Event loop, timers and wake-ups; the next client before it is known whether it may stay; what its share of clients is
// rounded up by.
constexpr std::uint64_t for_a_worker = 9 + downstream::max_turned_away;
// Of two listeners.
constexpr std::uint64_t for_agents_that_dial =
    pool::reverse::most_connections + 2 * (pool::reverse::most_unregistered + pool::reverse::most_refused);
// Of what is reached by a name: addresses of an agent that are counted on, and sockets of one look-up.
constexpr std::uint64_t addresses_of_a_name = 8;
constexpr std::uint64_t for_a_look_up = 4;
constexpr std::uint64_t per_client = 2;  // itself, and its upstream

/// Agents and listeners are there twice while a reload takes the new ones into use.
std::uint64_t reserve(const config::Config& config, std::size_t workers) {
  std::uint64_t agents = 0;
  for (const auto& agent : config.agents) {
    const std::uint64_t connections = agent.pool.connections_per_agent;
    if (agent.is_named) agents += addresses_of_a_name * connections + for_a_look_up;
    if (!agent.is_named && agent.reverse.empty()) agents += connections;
  }
  std::uint64_t questions = 0;  // look-ups and checks of upstreams, whose connections are what is left
  for (const auto& upstream : config.upstreams) {
    const auto named = static_cast<std::uint64_t>(std::ranges::count_if(upstream.targets, &config::Target::is_named));
    questions += for_a_look_up * named;
    if (upstream.health_check) questions += upstream.targets.size() + (addresses_of_a_name - 1) * named;
  }
  const std::uint64_t shared = pool::reverse::most_relays * (2 * workers + 1);
  const std::uint64_t reverse = config.reverse_listener ? for_agents_that_dial + shared : 0;
  return for_the_process + reverse +
         workers * (for_a_worker + 2 * config.listeners.size() + 2 * agents + 2 * questions);
}

}  // namespace

std::uint64_t raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::numeric_limits<std::uint64_t>::max();
  const rlimit raised{.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
  return ::setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

base::Result<DescriptorShares> share_descriptors(std::uint64_t descriptors, const config::Config& config,
                                                 std::size_t workers) {
  const std::uint64_t reserved = reserve(config, workers);
  const std::uint64_t least = reserved + workers * per_client;
  if (descriptors < least)
    return base::fail(base::ErrorKind::io,
                      fmt::format("{} open descriptors are allowed and {} are needed before a first client can come: "
                                  "raise the hard limit (ulimit -Hn, LimitNOFILE) or take fewer worker-threads",
                                  descriptors, least));
  const std::uint64_t left = descriptors - reserved;
  const std::uint64_t clients = std::min<std::uint64_t>(left / per_client, config.system.max_connections);
  return DescriptorShares{
      .reserved = reserved, .clients = static_cast<std::uint32_t>(clients), .upstreams = left - clients};
}

}  // namespace picket::apps::gateway::process
