#include <CLI/CLI.hpp>

#include "apps/cli/commands.hpp"

namespace picket::apps::cli {

CLI::Option* add_agent_options(CLI::App& command, AgentAddress& agent) {
  CLI::Option* const option =
      command
          .add_option(
              "--agent", agent.endpoint,
              "The agent's address: unix:PATH, grpc+unix:PATH, tls:HOST:PORT or grpcs:HOST:PORT; with --insecure "
              "tcp:HOST:PORT or grpc:HOST:PORT")
          ->required()
          ->type_name("ADDRESS");
  add_clear_text_options(command, agent);
  return option;
}

void add_clear_text_options(CLI::App& command, AgentAddress& agent) {
  command.add_flag("--insecure", agent.insecure,
                   "Speak in clear over a network: whoever is on the way can read and answer");
  command
      .add_option("--tls-ca", agent.tls.ca_file,
                  "CAs that may have signed the agent's certificate, PEM; default: the system's")
      ->type_name("FILE");
  command.add_option("--tls-cert", agent.tls.certificate_file, "Certificate to show to the agent, PEM")
      ->type_name("FILE");
  command.add_option("--tls-key", agent.tls.key_file, "Its key, PEM")->type_name("FILE");
  command
      .add_option("--tls-name", agent.tls.server_name, "Name in the agent's certificate; default: the host of --agent")
      ->type_name("NAME");
}

}  // namespace picket::apps::cli
