#pragma once

#include <string>

#include "picket/transport/tls/options.hpp"

namespace CLI {
class App;
class Option;
}  // namespace CLI

/// The subcommands of `picket`: each adds itself to the command line and sets `exit_code` when it ran.
///
/// Exit codes, the same everywhere: 0 done (call: allowed), 1 something failed while running, 2 the command line or a
/// file is wrong, 3 call: the agent decided something other than allow; replay: an answer differs; conform: a rule is
/// broken.
namespace picket::apps::cli {

inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_not_allowed = 3;
inline constexpr int exit_different = 3;

/// Where an agent is, whether it may be spoken to in clear, and what TLS wants to know. A value.
struct AgentAddress {
  std::string endpoint;
  bool insecure = false;
  transport::tls::ClientOptions tls;
};

/// --agent, which is required, --insecure and --tls-…
CLI::Option* add_agent_options(CLI::App& command, AgentAddress& agent);
/// The same without --agent.
void add_clear_text_options(CLI::App& command, AgentAddress& agent);

void add_run(CLI::App& app, int& exit_code);
void add_check(CLI::App& app, int& exit_code);
void add_upgrade(CLI::App& app, int& exit_code);
void add_call(CLI::App& app, int& exit_code);
void add_replay(CLI::App& app, int& exit_code);
void add_agent(CLI::App& app, int& exit_code);
void add_conform(CLI::App& app, int& exit_code);
void add_bench(CLI::App& app, int& exit_code);
void add_version(CLI::App& app, int& exit_code);

}  // namespace picket::apps::cli
