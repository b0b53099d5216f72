#pragma once

#include <chrono>
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

/// Where an agent is, or where it dials, whether it may be spoken to in clear, and what TLS wants to know. A value.
struct AgentAddress {
  std::string endpoint;
  std::string listen;  ///< Empty: it is dialled.
  bool insecure = false;
  transport::tls::ClientOptions tls;
};

/// How long a command waits for an agent. A value.
struct AgentTimeout {
  /// An agent that was turned away comes back within a minute.
  static constexpr std::chrono::milliseconds to_be_dialled{75'000};

  std::chrono::milliseconds of_answers{5000};  ///< And of connecting.
  bool is_given = false;                       ///< On the command line.

  [[nodiscard]] std::chrono::milliseconds to_connect(const AgentAddress& agent) const noexcept {
    return agent.listen.empty() || is_given ? of_answers : to_be_dialled;
  }
};

/// --agent or --listen, of which one is required, --insecure and --tls-…
void add_agent_options(CLI::App& command, AgentAddress& agent);
/// --timeout-ms
void add_timeout_option(CLI::App& command, AgentTimeout& timeout);
/// --insecure and --tls-… alone.
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
/// As `picket version` prints it, without the line's end.
[[nodiscard]] std::string version_line();

}  // namespace picket::apps::cli
