#include "apps/gateway/generation/chains.hpp"

#include <algorithm>

namespace picket::apps::gateway::generation {
namespace {

inspection::Filter filter_of(const config::Agent& agent, pool::Agent* pooled, inspection::AgentCounters* counters) {
  return {.agent = pooled,
          .counters = counters,
          .events = agent.events,
          .failure_mode = agent.failure_mode,
          .timeout = agent.timeout,
          .chunk_timeout = agent.chunk_timeout,
          .request_body = agent.request_body,
          .response_body = agent.response_body,
          .chunk_size = agent.buffer_size,
          .stickiness = agent.stickiness,
          .decompress = agent.decompress};
}

}  // namespace

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
      auto& asked = chain.filters.emplace_back(filter_of(agent, agents[filter.agent].get(), counters[filter.agent]));
      asked.failure_mode = filter.failure_mode;
      asked.timeout = filter.timeout;
      chain.decompress = chain.decompress || agent.decompress;
    }
    if (!route.guardrail) continue;
    const config::Guardrail& guardrail = *route.guardrail;
    auto* const agent = agents[guardrail.agent].get();
    auto of_agent = std::ranges::find(chain.filters, agent, &inspection::Filter::agent);
    if (of_agent == chain.filters.end()) {  // of texts alone
      chain.filters.push_back(filter_of(config.agents[guardrail.agent], agent, counters[guardrail.agent]));
      of_agent = std::prev(chain.filters.end());
      of_agent->events = {.request_complete = of_agent->events.request_complete, .guardrail = true};
    }
    // What is packed cannot be read.
    of_agent->decompress = chain.decompress = true;
    chain.guardrail = {.filter = static_cast<std::size_t>(of_agent - chain.filters.begin()),
                       .prompt = guardrail.prompt,
                       .response = guardrail.response,
                       .window = guardrail.window,
                       .route = route.id};
  }
  return chains;
}

}  // namespace picket::apps::gateway::generation
