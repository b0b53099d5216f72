#include <CLI/CLI.hpp>

#include "apps/cli/commands.hpp"
#include "picket/agent/serve.hpp"

int main(int argc, char** argv) {
  using namespace picket::apps::cli;
  CLI::App app{
      "Picket: asks agents (WAF, authenticator, rate limiter, guardrail) about HTTP traffic, over Agent Protocol v2."};
  app.require_subcommand(1);
  picket::agent::name_the_unknown(app);
  app.set_version_flag("--version", version_line(), "Print the version and exit");
  app.footer(
      "Exit codes: 0 done (call: allowed); 1 failed while running; 2 wrong command line or file; 3 call: not allowed, "
      "replay: an answer differs, conform: a rule is broken.\n"
      "`picket COMMAND --help` explains a command.");
  int exit_code = exit_done;
  add_run(app, exit_code);
  add_check(app, exit_code);
  add_upgrade(app, exit_code);
  add_call(app, exit_code);
  add_replay(app, exit_code);
  add_agent(app, exit_code);
  add_conform(app, exit_code);
  add_bench(app, exit_code);
  add_version(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_done : exit_usage;
  }
  return exit_code;
}
