#pragma once

#include <optional>
#include <string>
#include <variant>

#include "apps/guard/budget.hpp"
#include "apps/guard/inspector.hpp"
#include "picket/agent/server.hpp"

namespace picket::apps::guard {

/// Exit codes of picket-guard.
inline constexpr int exit_ok = 0;      ///< Stopped by SIGTERM or SIGINT, after what was in flight.
inline constexpr int exit_failed = 1;  ///< It could not serve: the socket, the file of budgets, the system.
inline constexpr int exit_wrong = 2;   ///< Wrong options, or a list that cannot be read.

/// The command line of picket-guard, checked.
struct Options {
  agent::ServerOptions server;
  Policy policy;
  BudgetTerms budget;
  std::string budget_header = "authorization";  ///< Its value is the key; in lower case.
  std::optional<std::string> budget_file;
};

/// Options, or the exit code where there is nothing to run: help or version were asked for and printed, or an error was
/// printed to standard error.
[[nodiscard]] std::variant<Options, int> parse_options(int argc, const char* const* argv);

}  // namespace picket::apps::guard
