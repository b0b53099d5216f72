#include <CLI/CLI.hpp>

#include "apps/cli/commands.hpp"

namespace picket::apps::cli {

void add_agent_options(CLI::App& command, std::string& agent, bool& insecure) {
  command
      .add_option("--agent", agent,
                  "The agent's address: unix:PATH or grpc+unix:PATH; with --insecure tcp:IP:PORT or grpc:IP:PORT")
      ->required()
      ->type_name("ADDRESS");
  command.add_flag("--insecure", insecure, "Speak in clear over a network: whoever is on the way can read and answer");
}

}  // namespace picket::apps::cli
