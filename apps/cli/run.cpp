#include "apps/gateway/process/run.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "apps/cli/commands.hpp"

namespace picket::apps::cli {

void add_run(CLI::App& app, int& exit_code) {
  auto* const command = app.add_subcommand("run", "Run the gateway with a configuration file");
  auto file = std::make_shared<std::string>();
  command->add_option("FILE", *file, "The configuration, KDL 2")->required();
  command->footer(
      "SIGTERM or SIGINT drains and ends (twice: at once), SIGHUP reloads the file, SIGUSR1 reopens the logs, SIGUSR2 "
      "starts "
      "the program anew and gives way to it.\n"
      "Exit codes: 0 drained; 1 an address, an upstream or a log could not be had; 2 the file is wrong.");
  command->callback([=, &exit_code] { exit_code = gateway::process::run(*file); });
}

}  // namespace picket::apps::cli
