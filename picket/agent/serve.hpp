#pragma once

#include <memory>
#include <string>

#include "picket/agent/handler_factory.hpp"
#include "picket/agent/server.hpp"

namespace CLI {
class App;
}

namespace picket::agent {

/// Adds the options every agent has to a command line, filling `options`: --listen, --insecure, --threads,
/// --socket-mode,
/// --socket-group, --allow-uid, --metrics-interval-ms, --health-interval-ms. Errors: parsing throws
/// CLI::ValidationError for an address that cannot be served.
void add_server_options(CLI::App& app, ServerOptions& options);

/// Adds --no-busy-polling, for agents that are called on the loop.
void add_loop_options(CLI::App& app, ServerOptions& options);

/// Runs a server until SIGTERM or SIGINT, then drains it. Call it before any thread is started: it blocks those signals
/// in all of them. Returns an exit code: 0 after a drain, 1 when the socket could not be served. Prints errors and the
/// address served to standard error.
int serve_until_signalled(ServerOptions options, const HandlerFactory& factory, const std::string& name);

/// An agent's whole main(): reads the command line, serves, drains. Exit code 2 for a command line that cannot be read.
int serve(int argc, char** argv, const HandlerFactory& factory);

template <class H>
int serve(int argc, char** argv) {
  return serve(argc, argv, [] { return std::make_unique<H>(); });
}

}  // namespace picket::agent
