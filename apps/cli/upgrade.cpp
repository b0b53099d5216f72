#include "apps/gateway/process/upgrade.hpp"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>

#include "apps/cli/commands.hpp"

namespace picket::apps::cli {

void add_upgrade(CLI::App& app, int& exit_code) {
  auto* const command = app.add_subcommand("upgrade", "Have a running gateway give way to its program as it is now");
  auto file = std::make_shared<std::string>();
  auto seconds = std::make_shared<unsigned>(90);
  command->add_option("FILE", *file, "The configuration that it serves; its pid-file names the process")->required();
  command->add_option("--timeout-secs", *seconds, "How long to wait for the new process to serve")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  command->footer(
      "The listening sockets are handed over: no connection is refused or cut. A new process that does not come up "
      "leaves the old one serving.\n"
      "Exit codes: 0 another process serves; 1 none does; 2 the file is wrong, or has no pid-file.");
  command->callback([=, &exit_code] {
    exit_code = gateway::process::upgrade(*file, std::chrono::seconds{*seconds}, std::cout, std::cerr);
  });
}

}  // namespace picket::apps::cli
