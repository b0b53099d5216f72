#pragma once

#include <memory>
#include <string>

#include "picket/agent/handler_factory.hpp"
#include "picket/agent/server.hpp"

namespace CLI {
class App;
}

namespace picket::agent {

/// Adds the options every agent has to a command line, filling `options`: --listen, --dial and what goes with them,
/// --insecure, --threads, --socket-mode, --socket-group, --allow-uid, --metrics-interval-ms, --health-interval-ms. A
/// token comes from a file or the environment, never from the command line, which everybody on the machine can read.
///
/// Thread safety: the thread that parses. Lifetime: `options` outlives `app`, which keeps references to it. Errors:
/// parsing throws CLI::ValidationError for an address that cannot be served or dialled, and CLI::RequiredError where
/// there is none.
void add_server_options(CLI::App& app, ServerOptions& options);

/// Makes a program name what it does not know of its command line, a command or an option, with what is near it.
/// add_server_options() does it for the command line that it is given. Thread safety: the thread that parses.
void name_the_unknown(CLI::App& app);

/// Adds --no-busy-polling, for agents that are called on the loop.
void add_loop_options(CLI::App& app, ServerOptions& options);

/// Runs a server until SIGTERM or SIGINT, then drains it. Call it before any thread is started: it blocks those signals
/// in all of them. Returns an exit code: 0 after a drain, 1 when the socket could not be served. Prints errors and the
/// address served to standard error.
int serve_until_signalled(ServerOptions options, const HandlerFactory& factory, const std::string& name);

/// An agent's whole main(): reads the command line, serves, drains. Exit code 2 for a command line that cannot be read.
///
///   int main(int argc, char** argv) { return picket::agent::serve<Denylist>(argc, argv); }
///
/// Thread safety: once per process, from main(), before any thread is started. Errors: what the factory throws goes
/// through.
int serve(int argc, char** argv, const HandlerFactory& factory);

/// The same for a handler that is made from nothing.
template <class H>
int serve(int argc, char** argv) {
  return serve(argc, argv, [] { return std::make_unique<H>(); });
}

}  // namespace picket::agent
