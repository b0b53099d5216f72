#include "apps/gateway/generation/chains.hpp"

namespace picket::apps::gateway::generation {

std::vector<inspection::Chain> make_chains(const config::Config& config,
                                           std::span<const std::shared_ptr<pool::Agent>> agents,
                                           std::span<inspection::AgentCounters* const> counters) {
  std::vector<inspection::Chain> chains;
  for (const auto& route : config.routes) {
    auto& chain = chains.emplace_back(
        inspection::Chain{.filters = {},
                          .max_added_fields = config.limits.max_header_count,
                          .max_added_bytes = config.limits.max_header_size,
                          .max_body_size = route.max_body_size.value_or(config.limits.max_body_size)});
    for (const std::size_t index : route.filters) {
      const auto& filter = config.filters[index];
      const auto& agent = config.agents[filter.agent];
      chain.filters.push_back({.agent = agents[filter.agent].get(),
                               .counters = counters[filter.agent],
                               .events = agent.events,
                               .failure_mode = filter.failure_mode,
                               .timeout = filter.timeout,
                               .chunk_timeout = agent.chunk_timeout,
                               .request_body = agent.request_body,
                               .response_body = agent.response_body,
                               .chunk_size = agent.buffer_size,
                               .stickiness = agent.stickiness,
                               .decompress = agent.decompress});
      chain.decompress = chain.decompress || agent.decompress;
    }
  }
  return chains;
}

}  // namespace picket::apps::gateway::generation
