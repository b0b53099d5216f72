#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>

#include <unistd.h>

#include "apps/cli/commands.hpp"
#include "apps/gateway/config/load.hpp"

namespace picket::apps::cli {

void add_check(CLI::App& app, int& exit_code) {
  auto* const command = app.add_subcommand("check", "Check a configuration file and say everything that is wrong");
  auto file = std::make_shared<std::string>();
  command->add_option("FILE", *file, "The configuration, KDL 2")->required();
  command->footer("Exit codes: 0 the file is good; 2 it is not.");
  command->callback([=, &exit_code] {
    const bool colour = ::isatty(STDERR_FILENO) == 1;
    exit_code = gateway::config::check(*file, gateway::config::process_environment(), std::cout, std::cerr, colour);
  });
}

}  // namespace picket::apps::cli
