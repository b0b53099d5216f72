#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "apps/cli/conform/agents/agent.hpp"
#include "apps/cli/conform/grpc_pipe.hpp"

namespace picket::apps::cli::conform::agents {

inline constexpr std::string_view unimplemented = "12";  ///< A grpc-status.

/// What a proxy says, as a ProxyToAgent.
template <class Message>
[[nodiscard]] std::string envelope(const Message& event) {
  return payload_of({.encoding = wire::Encoding::protobuf}, event);
}

/// How a call ends: its grpc-status. Throws Violation where it does not.
[[nodiscard]] std::string status_of(GrpcPipe& call, base::Duration patience);

/// What became of a call that said one message and waited.
struct Called {
  std::optional<std::string> answer;  ///< The first message; none where the call ended without.
  std::string status;
};

/// A call that has said `payload`, and nothing more to say.
[[nodiscard]] std::unique_ptr<GrpcPipe> say_once(Agent& agent, std::string_view path, std::string_view payload);
/// What it comes to. Throws Skipped where the agent does not serve the method.
[[nodiscard]] Called outcome_of(GrpcPipe& call, base::Duration patience);

}  // namespace picket::apps::cli::conform::agents
