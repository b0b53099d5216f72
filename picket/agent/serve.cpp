#include "picket/agent/serve.hpp"

#include <CLI/CLI.hpp>

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include "picket/log/background_log.hpp"

namespace picket::agent {

void add_server_options(CLI::App& app, ServerOptions& options) {
  app.add_option("--listen", options.listen, "Address to serve: unix:PATH")->required()->type_name("ADDRESS");
  app.add_option("--threads", options.threads, "Threads; 0 is one per core")->capture_default_str()->type_name("N");
  app.add_option_function<std::string>(
         "--socket-mode",
         [&options](const std::string& text) {
           std::size_t read = 0;
           unsigned long mode = 01000;
           try {
             mode = std::stoul(text, &read, 8);
           } catch (const std::exception&) {
             read = 0;
           }
           if (read != text.size() || mode > 0777)
             throw CLI::ValidationError("--socket-mode",
                                        fmt::format("'{}' is no mode: expected octal digits such as 0660", text));
           options.socket.socket_mode = static_cast<mode_t>(mode);
         },
         "Permissions of the socket file")
      ->type_name("OCTAL")
      ->default_str("0600");
  app.add_option("--socket-group", options.socket.socket_group, "Group of the socket file")->type_name("NAME");
  app.add_option("--allow-uid", options.socket.allowed_uids,
                 "User id that may connect, beside root and this process's own; may be repeated")
      ->type_name("UID");
}

int serve_until_signalled(ServerOptions options, const HandlerFactory& factory, const std::string& name) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  // Loops log: a standard error that nobody reads must stop neither them nor the end.
  log::BackgroundLog log{STDERR_FILENO, 0, log::prefixed_by(name)};
  if (!options.log) options.log = [&log](std::string_view line) { log.write(0, line); };
  const auto say = options.log;
  Server server{std::move(options), factory};
  if (const auto started = server.start(); !started) {
    say(started.error().detail());
    return 1;
  }
  say(fmt::format("serving on {}", server.endpoint().text()));
  int signal = 0;
  sigwait(&signals, &signal);
  say("draining");
  server.stop();
  server.wait();
  return 0;
}

void add_loop_options(CLI::App& app, ServerOptions& options) {
  app.add_flag("!--no-busy-polling", options.busy_polling, "Always sleep while waiting, however short waits are");
}

int serve(int argc, char** argv, const HandlerFactory& factory) {
  const auto info = factory.make()->info();
  CLI::App app{fmt::format("{} {}: an Agent Protocol v2 agent", info.name, info.version)};
  ServerOptions options;
  add_server_options(app, options);
  add_loop_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return serve_until_signalled(std::move(options), factory, info.name);
}

}  // namespace picket::agent
