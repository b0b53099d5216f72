#include <CLI/CLI.hpp>

#include "apps/cli/commands.hpp"

namespace picket::apps::cli {

void add_agent_options(CLI::App& command, AgentAddress& agent) {
  CLI::Option* const dialled =
      command
          .add_option(
              "--agent", agent.endpoint,
              "The agent's address: unix:PATH, grpc+unix:PATH, tls:HOST:PORT or grpcs:HOST:PORT; with --insecure "
              "tcp:HOST:PORT or grpc:HOST:PORT")
          ->type_name("ADDRESS");
  command
      .add_option("--listen", agent.listen,
                  "Where the agent dials, in place of --agent: unix:PATH or tls:IP:PORT; with --insecure tcp:IP:PORT; "
                  "whoever comes is taken")
      ->type_name("ADDRESS")
      ->excludes(dialled);
  add_clear_text_options(command, agent);
  command.parse_complete_callback([&agent] {
    if (agent.endpoint.empty() && agent.listen.empty())
      throw CLI::RequiredError("--agent, or --listen for an agent that dials,");
  });
}

void add_timeout_option(CLI::App& command, AgentTimeout& timeout) {
  command
      .add_option("--timeout-ms", timeout.of_answers,
                  "For connecting and for each answer; with --listen 75000 to be dialled, where it is not given")
      ->each([&timeout](const std::string&) { timeout.is_given = true; })
      ->type_name("N")
      ->default_str("5000");
}

void add_clear_text_options(CLI::App& command, AgentAddress& agent) {
  command.add_flag("--insecure", agent.insecure,
                   "Speak in clear over a network: whoever is on the way can read and answer");
  command
      .add_option("--tls-ca", agent.tls.ca_file,
                  "CAs that may have signed the other end's certificate, PEM; default: the system's, and with --listen "
                  "none is asked for")
      ->type_name("FILE");
  command
      .add_option("--tls-cert", agent.tls.certificate_file,
                  "Certificate to show to the other end, PEM; --listen tls: needs it")
      ->type_name("FILE");
  command.add_option("--tls-key", agent.tls.key_file, "Its key, PEM")->type_name("FILE");
  command
      .add_option("--tls-name", agent.tls.server_name,
                  "Name in the certificate of who is dialled; default: the host of its address")
      ->type_name("NAME");
}

}  // namespace picket::apps::cli
