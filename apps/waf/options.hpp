#pragma once

#include <optional>
#include <string>
#include <variant>

#include "apps/waf/rule_set.hpp"
#include "picket/agent/server.hpp"

namespace picket::apps::waf {

/// Exit codes of picket-waf.
inline constexpr int exit_ok = 0;      ///< Stopped by SIGTERM or SIGINT, after what was in flight.
inline constexpr int exit_failed = 1;  ///< It could not serve: the socket, the log, the system.
inline constexpr int exit_wrong = 2;   ///< Wrong options, or rules that do not load.

/// The command line of picket-waf, checked.
struct Options {
  agent::ServerOptions server;
  std::optional<std::string> rule_log;
  RuleOptions rules;
};

/// Options, or the exit code where there is nothing to run: help or version were asked for and printed, or an error was
/// printed to standard error.
[[nodiscard]] std::variant<Options, int> parse_options(int argc, const char* const* argv);

}  // namespace picket::apps::waf
