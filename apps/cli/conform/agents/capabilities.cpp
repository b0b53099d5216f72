#include <array>
#include <limits>

#include "apps/cli/conform/agents/rules.hpp"

namespace picket::apps::cli::conform::agents {
namespace {

using wire::Value;

constexpr std::int64_t largest_u32 = std::numeric_limits<std::uint32_t>::max();

const Value& member(const Document& answer, std::string_view path) {
  const Value* const found = answer.find(path);
  expect(found != nullptr, "there is no {}", path);
  return *found;
}

void expect_text(Agent& agent, std::string_view path) {
  const auto answer = agent.introduction();
  const auto* const text = member(answer, path).get<std::string_view>();
  expect(text != nullptr, "{} is no text", path);
  expect(!text->empty(), "{} is empty", path);
}

void expect_flag(Agent& agent, std::string_view path) {
  const auto answer = agent.introduction();
  expect(member(answer, path).get<bool>() != nullptr, "{} is no boolean", path);
}

std::uint64_t number(const Value& value, std::string_view path) {
  if (const auto* const big = value.get<std::uint64_t>()) return *big;
  const auto* const small = value.get<std::int64_t>();
  expect(small != nullptr && *small >= 0, "{} is no integer from 0", path);
  return static_cast<std::uint64_t>(*small);
}

void expect_number(Agent& agent, std::string_view path, std::uint64_t least, std::uint64_t most) {
  const auto answer = agent.introduction();
  const std::uint64_t found = number(member(answer, path), path);
  expect(found >= least && found <= most, "{} is {}", path, found);
}

constexpr std::uint64_t any = std::numeric_limits<std::uint64_t>::max();

constexpr std::array rules{
    AgentRule{"capabilities.agent-id", "3", "capabilities.agent_id is a text that is not empty.", Scope::once,
              [](Agent& agent) { expect_text(agent, "capabilities.agent_id"); }},
    AgentRule{"capabilities.name", "3", "capabilities.name is a text that is not empty.", Scope::once,
              [](Agent& agent) { expect_text(agent, "capabilities.name"); }},
    AgentRule{"capabilities.version", "3", "capabilities.version is a text that is not empty.", Scope::once,
              [](Agent& agent) { expect_text(agent, "capabilities.version"); }},
    AgentRule{"capabilities.events", "3", "capabilities.supported_events is a list of integers.", Scope::once,
              [](Agent& agent) {
                const auto answer = agent.introduction();
                const auto* const list = member(answer, "capabilities.supported_events").get<Value::List>();
                expect(list != nullptr, "it is no list");
                for (const Value& event : *list)
                  expect(event.get<std::int64_t>() != nullptr, "it holds what is no integer");
              }},
    AgentRule{"capabilities.streaming-body", "3", "features.streaming_body is a boolean.", Scope::once,
              [](Agent& agent) { expect_flag(agent, "capabilities.features.streaming_body"); }},
    AgentRule{"capabilities.websocket", "3", "features.websocket is a boolean.", Scope::once,
              [](Agent& agent) { expect_flag(agent, "capabilities.features.websocket"); }},
    AgentRule{"capabilities.guardrails", "3", "features.guardrails is a boolean.", Scope::once,
              [](Agent& agent) { expect_flag(agent, "capabilities.features.guardrails"); }},
    AgentRule{"capabilities.config-push", "3", "features.config_push is a boolean.", Scope::once,
              [](Agent& agent) { expect_flag(agent, "capabilities.features.config_push"); }},
    AgentRule{"capabilities.metrics-export", "3", "features.metrics_export is a boolean.", Scope::once,
              [](Agent& agent) { expect_flag(agent, "capabilities.features.metrics_export"); }},
    AgentRule{"capabilities.cancellation", "3", "features.cancellation is a boolean.", Scope::once,
              [](Agent& agent) { expect_flag(agent, "capabilities.features.cancellation"); }},
    AgentRule{"capabilities.flow-control", "3", "features.flow_control is a boolean.", Scope::once,
              [](Agent& agent) { expect_flag(agent, "capabilities.features.flow_control"); }},
    AgentRule{"capabilities.health-reporting", "3", "features.health_reporting is a boolean.", Scope::once,
              [](Agent& agent) { expect_flag(agent, "capabilities.features.health_reporting"); }},
    AgentRule{"capabilities.concurrent-requests", "3", "features.concurrent_requests is an integer of 32 bits.",
              Scope::once,
              [](Agent& agent) { expect_number(agent, "capabilities.features.concurrent_requests", 0, largest_u32); }},
    AgentRule{"capabilities.max-body-size", "3", "limits.max_body_size is an integer of 64 bits.", Scope::once,
              [](Agent& agent) { expect_number(agent, "capabilities.limits.max_body_size", 0, any); }},
    AgentRule{"capabilities.max-concurrency", "3", "limits.max_concurrency is at least 1, in 32 bits.", Scope::once,
              [](Agent& agent) { expect_number(agent, "capabilities.limits.max_concurrency", 1, largest_u32); }},
    AgentRule{"capabilities.chunk-size", "3", "limits.preferred_chunk_size is at least 1.", Scope::once,
              [](Agent& agent) { expect_number(agent, "capabilities.limits.preferred_chunk_size", 1, any); }},
    AgentRule{"capabilities.constant", "3", "Each connection of one agent says the same agent_id.", Scope::once,
              [](Agent& agent) {
                const auto first = agent.introduction();
                const auto second = agent.introduction();
                expect(member(first, "capabilities.agent_id") == member(second, "capabilities.agent_id"),
                       "two connections say two");
              }},
};

}  // namespace

AgentRules capability_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::agents
