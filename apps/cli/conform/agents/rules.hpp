#pragma once

#include <array>

#include "apps/cli/conform/agents/agent.hpp"

/// What an agent has to do, by theme.
namespace picket::apps::cli::conform::agents {

[[nodiscard]] AgentRules handshake_rules() noexcept;
[[nodiscard]] AgentRules registration_rules() noexcept;
[[nodiscard]] AgentRules capability_rules() noexcept;
[[nodiscard]] AgentRules framing_rules() noexcept;
[[nodiscard]] AgentRules answer_rules() noexcept;
[[nodiscard]] AgentRules head_rules() noexcept;
[[nodiscard]] AgentRules body_rules() noexcept;
[[nodiscard]] AgentRules decision_rules() noexcept;
[[nodiscard]] AgentRules malformed_rules() noexcept;
[[nodiscard]] AgentRules control_rules() noexcept;
[[nodiscard]] AgentRules hostile_rules() noexcept;
[[nodiscard]] AgentRules grpc_rules() noexcept;
[[nodiscard]] AgentRules grpc_call_rules() noexcept;

/// All of them, in the order in which they are tested.
[[nodiscard]] inline std::array<AgentRules, 13> agent_rules() noexcept {
  return {handshake_rules(), registration_rules(), capability_rules(), framing_rules(),   answer_rules(),
          head_rules(),      body_rules(),         decision_rules(),   malformed_rules(), control_rules(),
          hostile_rules(),   grpc_rules(),         grpc_call_rules()};
}

}  // namespace picket::apps::cli::conform::agents
